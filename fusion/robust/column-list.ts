// Sparse changes by columns: for each place that any of them names, who names it and with which value. All sums run over the
// places in ascending order and over the members in their order. Nothing here is as long as the model, except one
// bit for each coordinate.
import type { Change } from './update.ts';

export interface ColumnList {
  /** Places that at least one change names, ascending. */
  readonly places: Uint32Array;
  /** Entries of column c stand from starts[c] to starts[c + 1]. */
  readonly starts: Uint32Array;
  /** Whose entry it is; ascending within a column. */
  readonly members: Uint32Array;
  readonly values: Float32Array;
}

/** Merges the changes. A dense one names every place. */
export function columnListOf(changes: readonly Change[], size: number): ColumnList {
  const marks = new PlaceMarks(size);
  for (const { places } of changes) marks.add(places);
  const places = marks.list();
  const columnsOf = changes.map((change) => marks.columns(change.places));
  const starts = new Uint32Array(places.length + 1);
  for (const columns of columnsOf) for (let k = 0; k < columns.length; k++) starts[columns[k] + 1]++;
  for (let column = 0; column < places.length; column++) starts[column + 1] += starts[column];

  const members = new Uint32Array(starts[places.length]);
  const values = new Float32Array(starts[places.length]);
  const next = starts.slice(0, places.length);
  for (const [member, columns] of columnsOf.entries()) {
    const own = changes[member].values;
    for (let k = 0; k < columns.length; k++) {
      const at = next[columns[k]]++;
      members[at] = member;
      values[at] = own[k];
    }
  }
  return { places, starts, members, values };
}

/** A set of places as bits, which knows how many of them lie below a given one. */
class PlaceMarks {
  readonly #words: Uint32Array;
  /** Marks in all words before this one; filled by `list`. */
  readonly #before: Uint32Array;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    this.#words = new Uint32Array(Math.ceil(size / 32));
    this.#before = new Uint32Array(this.#words.length);
  }

  /** `undefined`: all of them. */
  add(places: Uint32Array | undefined): void {
    if (places === undefined) {
      this.#words.fill(0xffffffff);
      const used = this.#size & 31;
      if (used !== 0) this.#words[this.#words.length - 1] = 2 ** used - 1;
    } else {
      for (let k = 0; k < places.length; k++) this.#words[places[k] >>> 5] |= 1 << (places[k] & 31);
    }
  }

  /** All marks, ascending. */
  list(): Uint32Array {
    let count = 0;
    for (let word = 0; word < this.#words.length; word++) {
      this.#before[word] = count;
      count += bitCount(this.#words[word]);
    }
    const places = new Uint32Array(count);
    let at = 0;
    for (let word = 0; word < this.#words.length; word++) {
      for (let bits = this.#words[word]; bits !== 0; bits &= bits - 1) {
        places[at++] = word * 32 + 31 - Math.clz32(bits & -bits);
      }
    }
    return places;
  }

  /** The place of each of some marks among all of them: how many marks lie below it. `undefined`: of all. */
  columns(places: Uint32Array | undefined): Uint32Array {
    const columns = new Uint32Array(places === undefined ? this.#size : places.length);
    if (places === undefined) {
      for (let place = 0; place < columns.length; place++) columns[place] = place;
      return columns;
    }
    for (let k = 0; k < places.length; k++) {
      const word = places[k] >>> 5;
      const below = this.#words[word] & ((1 << (places[k] & 31)) - 1);
      columns[k] = this.#before[word] + bitCount(below);
    }
    return columns;
  }
}

/** Ones in 32 bits, by adding neighbours (Warren, Hacker's Delight, 5-1). */
function bitCount(bits: number): number {
  let sums = bits - ((bits >>> 1) & 0x55555555);
  sums = (sums & 0x33333333) + ((sums >>> 2) & 0x33333333);
  return Math.imul((sums + (sums >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
