// The memory in which columns are combined, multiplied and sorted, a block of them at a time, and the WebAssembly of c/
// over it. It knows neither updates nor rules: only rows of floats at the same places.
import { assert } from '../../assert.ts';
import { wasmBase64 } from './wasm-bytes.ts';
import { type WasmModule, wasm } from './web-assembly.ts';

/** Columns of a block: copying a row in is dear below, and twenty of them stay in the second cache. */
export const BLOCK_COLUMNS = 4_096;
/** A row and a cache line, so that rows do not all fall into the same sets of the cache. */
export const ROW_STRIDE = BLOCK_COLUMNS + 16;
/** Columns sorted or multiplied at once: twenty rows of them, or as doubles, stay in the nearest cache. */
const SORT_COLUMNS = 256;
const GRAM_COLUMNS = 128;
const TILE = 3;
const LANES = 4;
const PAGE_BYTES = 65_536;
const ALIGNMENT = 64;
const STACK_BYTES = 4_096;

/** The functions of `c/columns.c`, where each is described. Pointers are byte addresses. */
interface ColumnKernels {
  notFinite(rows: number, stride: number, count: number, width: number): number;
  combine(
    rows: number,
    stride: number,
    chosen: number,
    coefficients: number,
    count: number,
    divisor: number,
    out: number,
    width: number,
  ): void;
  sortColumns(rows: number, stride: number, width: number, network: number, comparators: number): void;
  sortOwnedColumns(
    rows: number,
    owners: number,
    stride: number,
    width: number,
    network: number,
    comparators: number,
  ): void;
  addGram(rows: number, stride: number, count: number, width: number, wide: number, gram: number): void;
}

/** A row of a matrix without its zeros, over a common divisor. */
export interface SparseRow {
  readonly chosen: Int32Array;
  readonly coefficients: Float64Array;
  readonly divisor: number;
}

let compiled: WasmModule | undefined;
let latest: ColumnArena | undefined;

/**
 * Room for blocks of up to `rowCount` rows, for use until the next call: everybody shares one, because a WebAssembly
 * memory is dear to make. Its contents are whatever was left there.
 */
export function columnArenaFor(rowCount: number): ColumnArena {
  if (latest === undefined || latest.rowsMax < rowCount) latest = new ColumnArena(rowCount);
  return latest;
}

export class ColumnArena {
  readonly rowsMax: number;
  /** Loaded values, row by row at multiples of ROW_STRIDE. */
  readonly rows: Float32Array;
  /** Values made from them, laid out alike, one row more. */
  readonly made: Float32Array;
  /** Whose each of the made values is. */
  readonly owners: Int32Array;
  readonly #kernels: ColumnKernels;
  readonly #chosen: Int32Array;
  readonly #coefficients: Float64Array;
  readonly #gram: Float64Array;
  readonly #wideAt: number;
  readonly #buffer: ArrayBuffer;
  readonly #networkAt: number;

  constructor(rowCount: number) {
    assert(Number.isInteger(rowCount) && rowCount >= 1, 'an arena has rows');
    this.rowsMax = toMultiple(rowCount, TILE);
    const plan = layOut(this.rowsMax);
    const pages = Math.ceil(plan.end / PAGE_BYTES);
    const memory = new wasm.Memory({ initial: pages, maximum: pages });
    compiled ??= new wasm.Module(Uint8Array.from(atob(wasmBase64), (letter) => letter.charCodeAt(0)));
    const { exports } = new wasm.Instance(compiled, { env: { memory } });
    (exports.__stack_pointer as { value: number }).value = ALIGNMENT + STACK_BYTES;
    this.#kernels = exports as unknown as ColumnKernels;
    this.#buffer = memory.buffer;
    const floats = this.rowsMax * ROW_STRIDE;
    this.rows = new Float32Array(memory.buffer, plan.rows, floats);
    this.made = new Float32Array(memory.buffer, plan.made, floats + ROW_STRIDE);
    this.owners = new Int32Array(memory.buffer, plan.owners, floats);
    this.#chosen = new Int32Array(memory.buffer, plan.chosen, this.rowsMax);
    this.#coefficients = new Float64Array(memory.buffer, plan.coefficients, this.rowsMax);
    this.#gram = new Float64Array(memory.buffer, plan.gram, this.rowsMax * this.rowsMax);
    this.#wideAt = plan.wide;
    this.#networkAt = plan.network;
  }

  /** Whether the first `count` of the loaded rows, or the first made one, are without NaN and infinities. */
  areFinite(of: { readonly loaded: number } | 'made', width: number): boolean {
    const [rows, count] = of === 'made' ? [this.made, 1] : [this.rows, of.loaded];
    return this.#kernels.notFinite(rows.byteOffset, ROW_STRIDE, count, width) < 0;
  }

  /** made[into] = round32(Σ coefficients[k] rows[chosen[k]] / divisor), summed in this order in float64. */
  combine({ chosen, coefficients, divisor }: SparseRow, into: number, width: number): void {
    this.#chosen.set(chosen);
    this.#coefficients.set(coefficients);
    const from = [this.rows.byteOffset, ROW_STRIDE, this.#chosen.byteOffset] as const;
    const out = this.made.byteOffset + into * ROW_STRIDE * 4;
    this.#kernels.combine(...from, this.#coefficients.byteOffset, chosen.length, divisor, out, width);
  }

  /** Makes every column of the made rows ascend. `network` is a list of pairs of rows; see `sorting-network.ts`. */
  sort(network: Int32Array, width: number): void {
    const [pairs, count] = [this.#place(network), network.length / 2];
    for (let start = 0; start < width; start += SORT_COLUMNS) {
      const columns = Math.min(SORT_COLUMNS, width - start);
      this.#kernels.sortColumns(this.made.byteOffset + start * 4, ROW_STRIDE, columns, pairs, count);
    }
  }

  /** The same with the owners beside them; of equal values the one of the lower owner goes first. */
  sortOwned(network: Int32Array, width: number): void {
    const [pairs, count] = [this.#place(network), network.length / 2];
    for (let start = 0; start < width; start += SORT_COLUMNS) {
      const columns = Math.min(SORT_COLUMNS, width - start);
      const values = this.made.byteOffset + start * 4;
      const owners = this.owners.byteOffset + start * 4;
      this.#kernels.sortOwnedColumns(values, owners, ROW_STRIDE, columns, pairs, count);
    }
  }

  /** gram[i, j] += Σ rows[i] rows[j] for all pairs of the first `count` rows, in float64, blocks of columns in order. */
  addGram(gram: Float64Array, count: number, width: number): void {
    const padded = toMultiple(count, TILE);
    for (let row = count; row < padded; row++) {
      this.rows.fill(0, row * ROW_STRIDE, row * ROW_STRIDE + width);
    }
    this.#gram.fill(0);
    for (let start = 0; start < width; start += GRAM_COLUMNS) {
      const from = this.rows.byteOffset + start * 4;
      const columns = Math.min(GRAM_COLUMNS, width - start);
      this.#kernels.addGram(from, ROW_STRIDE, padded, columns, this.#wideAt, this.#gram.byteOffset);
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j <= i; j++) {
        gram[i * count + j] += this.#gram[i * padded + j];
        gram[j * count + i] = gram[i * count + j];
      }
    }
  }

  #place(network: Int32Array): number {
    new Int32Array(this.#buffer, this.#networkAt, network.length).set(network);
    return this.#networkAt;
  }
}

/** Addresses of the pieces for so many rows; nothing lies at address 0. */
function layOut(rowsMax: number) {
  let end = ALIGNMENT + STACK_BYTES;
  const add = (bytes: number): number => {
    const address = end;
    end = toMultiple(end + bytes, ALIGNMENT);
    return address;
  };
  const rowBytes = ROW_STRIDE * 4;
  return {
    rows: add(rowsMax * rowBytes),
    made: add((rowsMax + 1) * rowBytes),
    owners: add(rowsMax * rowBytes),
    chosen: add(rowsMax * 4),
    coefficients: add(rowsMax * 8),
    gram: add(rowsMax * rowsMax * 8),
    wide: add(rowsMax * GRAM_COLUMNS * 8),
    network: add(networkWordsMax(rowsMax) * 4),
    end: end,
  };
}

/** Batcher's network has at most n/2 comparators in each of l (l + 1) / 2 steps, l = ⌈log₂ n⌉; a pair takes two words. */
function networkWordsMax(rowsMax: number): number {
  const levels = 32 - Math.clz32(rowsMax);
  return rowsMax * levels * (levels + 1);
}

export function toMultiple(value: number, of: number): number {
  return Math.ceil(value / of) * of;
}

/** The width that covers so many columns in whole groups. */
export function wholeWidth(columns: number): number {
  return toMultiple(columns, LANES);
}
