// A set of changes as a matrix with one row each, dense or sparse: its Gram matrix, and combinations of its rows. What
// is absent counts as zero here. It knows no rule.
import { FusionError } from '../errors.ts';
import { type ColumnList, columnListOf } from './column-list.ts';
import { forEachDenseBlock } from './dense-blocks.ts';
import { columnArenaFor, type SparseRow } from './kernels/column-arena.ts';
import { type Change, refuseNotFinite } from './update.ts';

export interface NamedChange extends Change {
  /** For messages. */
  readonly name: string;
}

export class ChangeMatrix {
  readonly size: number;
  readonly changes: readonly NamedChange[];
  /** The columns where any of the changes is sparse; absent where all are dense. */
  readonly list: ColumnList | undefined;
  #gram: Float64Array | undefined;

  /** Of checked changes, at least one. @throws FusionError MELDMESH_FUSION_NOT_FINITE, here or by the first pass */
  constructor(changes: readonly NamedChange[], size: number) {
    this.changes = changes;
    this.size = size;
    if (changes.every(({ places }) => places === undefined)) return;
    for (const change of changes) refuseNotFinite(change.name, change);
    this.list = columnListOf(changes, size);
  }

  get count(): number {
    return this.changes.length;
  }

  /**
   * For passes over dense changes that met NaN or an infinity: looking for it beforehand would take as long as a mean.
   * @throws FusionError MELDMESH_FUSION_NOT_FINITE with the name of the first change that holds one
   */
  refuse(): never {
    for (const change of this.changes) refuseNotFinite(change.name, change);
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', 'The fused change is larger than float32 can say.');
  }

  /**
   * Inner products of all pairs, [count, count], in float64. Dense: blocks of 128 columns, in each even and odd columns
   * apart. Sparse: place after place. Made once, O(n² d), or O(Σ m²) for m members at a place.
   */
  gram(): Float64Array {
    this.#gram ??= this.list === undefined ? this.#denseGram() : sparseGram(this.list, this.count);
    return this.#gram;
  }

  /**
   * round32(Σ coefficients[i] row i / divisor), summed in the order of the rows in float64; rows with a coefficient of
   * zero are left out. Sparse rows give a sparse change at all places that any row names.
   */
  combine(coefficients: Float64Array, divisor: number): Change {
    if (this.list !== undefined) return this.#combineSparse(this.list, coefficients, divisor);
    const row = sparseRowOf(coefficients, divisor);
    const changes = Array.from(row.chosen, (index) => this.changes[index]);
    const values = new Float32Array(this.size);
    if (changes.length === 0) return { values };
    const arena = columnArenaFor(this.count);
    const all = { ...row, chosen: Int32Array.from(row.chosen.keys()) };
    forEachDenseBlock(changes, arena, ({ start, columns, width }) => {
      arena.combine(all, 0, width);
      // What is not finite makes the sum so, and no sum of finite ones can be.
      if (!arena.areFinite('made', width)) this.refuse();
      values.set(arena.made.subarray(0, columns), start);
    });
    return { values };
  }

  #denseGram(): Float64Array {
    const { count } = this;
    const gram = new Float64Array(count * count);
    const arena = columnArenaFor(count);
    forEachDenseBlock(this.changes, arena, ({ width }) => arena.addGram(gram, count, width));
    // No sum of squares of float32 numbers overflows.
    for (let i = 0; i < count; i++) if (!Number.isFinite(gram[i * count + i])) this.refuse();
    return gram;
  }

  #combineSparse(list: ColumnList, coefficients: Float64Array, divisor: number): Change {
    const { places, starts, members, values } = list;
    const fused = new Float32Array(places.length);
    for (let column = 0; column < places.length; column++) {
      let sum = 0;
      for (let k = starts[column]; k < starts[column + 1]; k++) {
        if (coefficients[members[k]] !== 0) sum += coefficients[members[k]] * values[k];
      }
      fused[column] = sum / divisor;
    }
    return changeAt(places, fused, this.size);
  }
}

/** A change with these values; places that are all places are not listed. */
export function changeAt(places: Uint32Array, values: Float32Array, size: number): Change {
  return places.length === size ? { values } : { places, values };
}

export function sparseRowOf(coefficients: Float64Array, divisor: number): SparseRow {
  const chosen = Int32Array.from(coefficients.keys()).filter((index) => coefficients[index] !== 0);
  return { chosen, coefficients: Float64Array.from(chosen, (index) => coefficients[index]), divisor };
}

function sparseGram({ starts, members, values }: ColumnList, count: number): Float64Array {
  const gram = new Float64Array(count * count);
  for (let column = 0; column + 1 < starts.length; column++) {
    for (let a = starts[column]; a < starts[column + 1]; a++) {
      for (let b = starts[column]; b <= a; b++) {
        gram[members[a] * count + members[b]] += values[a] * values[b];
      }
    }
  }
  for (let i = 0; i < count; i++) for (let j = 0; j < i; j++) gram[j * count + i] = gram[i * count + j];
  return gram;
}
