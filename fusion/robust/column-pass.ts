// Applies a function of the values at one coordinate to all coordinates, many at a time. Columns with equally many values
// stand together in blocks, so that one sorting network sorts them all. Dense updates have one value each in every column.
import type { ChangeMatrix } from './change-matrix.ts';
import { changeAt, sparseRowOf } from './change-matrix.ts';
import type { ColumnList } from './column-list.ts';
import { forEachDenseBlock } from './dense-blocks.ts';
import {
  BLOCK_COLUMNS,
  type ColumnArena,
  columnArenaFor,
  ROW_STRIDE,
  wholeWidth,
} from './kernels/column-arena.ts';
import { sortingNetwork } from './sorting-network.ts';
import type { Change } from './update.ts';

/** Columns that all have `count` values: value r of column c is values[r · stride + c]. */
export interface ColumnBlock {
  readonly count: number;
  readonly columns: number;
  readonly stride: number;
  readonly values: Float32Array;
  /** The weight of each value, laid out alike; absent where all weights are equal. */
  readonly weights: Float64Array | undefined;
}

export interface ColumnPass {
  readonly matrix: ChangeMatrix;
  /** [weights.length, updates] coefficients of the members over the first rows of the matrix; absent: they are the rows. */
  readonly coefficients: Float64Array | undefined;
  readonly weights: Float64Array;
  readonly chosen: readonly number[];
  readonly supportMin: number;
  readonly sorted: boolean;
  readonly middle: (block: ColumnBlock, out: Float64Array) => void;
}

/**
 * The change whose coordinates are round32 of what `middle` makes of the chosen members' values. A member names a
 * coordinate if any update in its mixture does; its value is round32 of its combination there. Where fewer than
 * `supportMin` members name it, a coordinate is 0.
 */
export function fuseColumns(pass: ColumnPass): Change {
  const { list } = pass.matrix;
  const arena = columnArenaFor(pass.matrix.count);
  const blocks = new BlockFuser(pass, arena);
  if (list !== undefined) return fuseSparse(pass, list, arena, blocks);
  const values = new Float32Array(pass.matrix.size);
  if (pass.chosen.length < pass.supportMin) return { values };
  const load = denseLoader(pass, arena);
  const { changes } = pass.matrix;
  forEachDenseBlock(changes, arena, ({ start, columns, width }) => {
    if (!arena.areFinite({ loaded: changes.length }, width)) pass.matrix.refuse();
    load(width);
    values.set(blocks.fuse(pass.chosen.length, columns), start);
  });
  return { values };
}

/** Sorts what stands in the arena's made rows and lets the function of the pass look at it. */
class BlockFuser {
  readonly #pass: ColumnPass;
  readonly #arena: ColumnArena;
  readonly #out = new Float64Array(BLOCK_COLUMNS);
  readonly #fused = new Float32Array(BLOCK_COLUMNS);
  readonly #weights: Float64Array | undefined;

  constructor(pass: ColumnPass, arena: ColumnArena) {
    this.#pass = pass;
    this.#arena = arena;
    const first = pass.weights[pass.chosen[0]];
    const isWeighted = pass.chosen.some((member) => pass.weights[member] !== first);
    this.#weights = isWeighted ? new Float64Array(arena.owners.length) : undefined;
  }

  /** One value for each column, until the next call. */
  fuse(count: number, columns: number): Float32Array {
    const { sorted, weights, middle } = this.#pass;
    const arena = this.#arena;
    const width = wholeWidth(columns);
    const beside = this.#weights;
    if (sorted && beside === undefined) arena.sort(sortingNetwork(count), width);
    else if (sorted) arena.sortOwned(sortingNetwork(count), width);
    if (beside !== undefined) {
      for (let row = 0; row < count; row++) {
        const at = row * ROW_STRIDE;
        for (let k = at; k < at + columns; k++) beside[k] = weights[arena.owners[k]];
      }
    }
    middle({ count, columns, stride: ROW_STRIDE, values: arena.made, weights: beside }, this.#out);
    for (let column = 0; column < columns; column++) this.#fused[column] = this.#out[column];
    return this.#fused.subarray(0, columns);
  }
}

/** Makes the chosen members of the loaded updates. */
function denseLoader(pass: ColumnPass, arena: ColumnArena): (width: number) => void {
  const { chosen, coefficients, weights, matrix } = pass;
  const updates = coefficients === undefined ? matrix.count : coefficients.length / weights.length;
  const rows = chosen.map((member) =>
    coefficients === undefined
      ? undefined
      : sparseRowOf(coefficients.subarray(member * updates, (member + 1) * updates), 1),
  );
  return (width) => {
    for (const [row, member] of chosen.entries()) {
      const mixture = rows[row];
      const at = row * ROW_STRIDE;
      const from = member * ROW_STRIDE;
      if (mixture === undefined) arena.made.set(arena.rows.subarray(from, from + width), at);
      else arena.combine(mixture, row, width);
      arena.owners.fill(member, at, at + width);
    }
  };
}

/** The same over columns that have as many values as members name them, few values first. */
function fuseSparse(pass: ColumnPass, list: ColumnList, arena: ColumnArena, blocks: BlockFuser): Change {
  const { places } = list;
  const mixer = new ColumnMixer(pass, list);
  const fused = new Float32Array(places.length);
  const groups = groupBySupport(mixer, places.length, pass.chosen.length);
  for (let count = Math.max(1, pass.supportMin); count <= pass.chosen.length; count++) {
    for (let start = groups.starts[count]; start < groups.starts[count + 1]; start += BLOCK_COLUMNS) {
      const end = Math.min(start + BLOCK_COLUMNS, groups.starts[count + 1]);
      for (let k = start; k < end; k++) mixer.load(groups.columns[k], arena, k - start);
      const values = blocks.fuse(count, end - start);
      for (let k = start; k < end; k++) fused[groups.columns[k]] = values[k - start];
    }
  }
  return changeAt(places, fused, pass.matrix.size);
}

/** Columns in the order of their support: those of support m stand from starts[m] to starts[m + 1]. */
function groupBySupport(mixer: ColumnMixer, columnCount: number, supportMax: number) {
  const supports = new Uint32Array(columnCount);
  const starts = new Uint32Array(supportMax + 2);
  for (let column = 0; column < columnCount; column++) {
    supports[column] = mixer.support(column);
    starts[supports[column] + 1]++;
  }
  for (let support = 0; support <= supportMax; support++) starts[support + 1] += starts[support];
  const columns = new Uint32Array(columnCount);
  const next = starts.slice();
  for (let column = 0; column < columnCount; column++) columns[next[supports[column]]++] = column;
  return { columns, starts };
}

/** The chosen members' values in one sparse column. */
class ColumnMixer {
  readonly #list: ColumnList;
  readonly #chosen: readonly number[];
  /** Of each update, the chosen members that it is in, as places in #chosen, and with which coefficient. */
  readonly #rowsOf: readonly { readonly rows: Uint32Array; readonly coefficients: Float64Array }[];
  readonly #sums: Float64Array;
  /** Which of the chosen members name the column that was looked at last. */
  readonly #named: Uint8Array;

  constructor({ matrix, coefficients, weights, chosen }: ColumnPass, list: ColumnList) {
    this.#list = list;
    this.#chosen = chosen;
    this.#sums = new Float64Array(chosen.length);
    this.#named = new Uint8Array(chosen.length);
    const updates = coefficients === undefined ? weights.length : coefficients.length / weights.length;
    const coefficientOf = (member: number, update: number): number => {
      if (coefficients !== undefined) return coefficients[member * updates + update];
      return member === update ? 1 : 0;
    };
    this.#rowsOf = matrix.changes.map((_, update) => {
      const own = chosen.map((member) => (update < updates ? coefficientOf(member, update) : 0));
      const rows = Uint32Array.from(own.keys()).filter((row) => own[row] !== 0);
      return { rows, coefficients: Float64Array.from(rows, (row) => own[row]) };
    });
  }

  /** How many of the chosen members name a column. */
  support(column: number): number {
    this.#mix(column);
    let support = 0;
    for (let row = 0; row < this.#named.length; row++) support += this.#named[row];
    return support;
  }

  /** Puts the values into column `into` of the arena's made rows, one below the other, with their owners. */
  load(column: number, arena: ColumnArena, into: number): void {
    this.#mix(column);
    let at = into;
    for (let row = 0; row < this.#named.length; row++) {
      if (this.#named[row] === 0) continue;
      arena.made[at] = this.#sums[row];
      arena.owners[at] = this.#chosen[row];
      at += ROW_STRIDE;
    }
  }

  #mix(column: number): void {
    const { starts, members, values } = this.#list;
    this.#sums.fill(0);
    this.#named.fill(0);
    for (let k = starts[column]; k < starts[column + 1]; k++) {
      const { rows, coefficients } = this.#rowsOf[members[k]];
      for (let r = 0; r < rows.length; r++) {
        this.#sums[rows[r]] += coefficients[r] * values[k];
        this.#named[rows[r]] = 1;
      }
    }
  }
}
