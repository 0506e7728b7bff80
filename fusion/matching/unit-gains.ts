// The gain of each unit of the reference with each unit of the model: the inner product of all that belongs to the two, which a
// matching maximises. Kept up to date while the permutations beside it change. It assigns nothing.
import type { Permutations } from '../symmetry/permutation-spec.ts';
import type { MatrixProduct } from './matrix-product.ts';
import { type Offsets, otherOffsets, type UnitAxis, unitOffsets } from './unit-axes.ts';

/** Two flat models, how to multiply, and room to do so, which all permutations share. */
export interface ModelPair {
  readonly reference: Float32Array;
  readonly model: Float32Array;
  readonly product: MatrixProduct;
  readonly room: GatherRoom;
}

/** Grows with the largest product. */
export interface GatherRoom {
  left: Float32Array;
  right: Float32Array;
}

/** Values gathered for one product and side, 8 MiB. */
const GATHERED_MAX = 2 ** 21;

/** Rows of two models to be multiplied: each unit's offsets by some of the other axes'. */
interface GatheredRows {
  readonly size: number;
  readonly units: Offsets;
  readonly others: Offsets;
  /** Where those rows of the model stood when they were last counted: that is taken back. */
  readonly before?: Int32Array;
}

interface MovedUnit {
  readonly units: Offsets;
  readonly others: Offsets;
  /** A place in the reference, and the units of the model that leave it and come to it. */
  readonly unit: number;
  readonly from: number;
  readonly to: number;
}

export class UnitGains {
  readonly #pair: ModelPair;
  readonly #axes: readonly UnitAxis[];
  readonly #size: number;
  readonly #gains: Float64Array;
  /** What the gains were counted with, by axis. */
  #counted: { readonly units: Offsets; readonly others: Offsets }[] = [];

  constructor(pair: ModelPair, axes: readonly UnitAxis[], size: number) {
    this.#pair = pair;
    this.#axes = axes;
    this.#size = size;
    this.#gains = new Float64Array(size * size);
  }

  /**
   * [size, size], reference by model: row i, column j is what the sum of A · πB gains where unit j of the model comes to
   * stand at place i, the other permutations being as given. Valid until the next call.
   *
   * Only what another permutation has moved since the last call is multiplied again: late sweeps move few units. `isSame`
   * where that is nothing.
   */
  at(permutations: Permutations): { readonly gains: Float64Array; readonly isSame: boolean } {
    const now = this.#axes.map((axis) => ({
      units: unitOffsets(axis, permutations),
      others: otherOffsets(axis, permutations),
    }));
    const isKept = now.every(({ units }, index) => {
      const before = this.#counted[index]?.units;
      return (
        before !== undefined && equal(before.model, units.model) && equal(before.reference, units.reference)
      );
    });
    if (!isKept) this.#gains.fill(0);
    let isSame = isKept && this.#counted.length === now.length;
    for (const [index, { units, others }] of now.entries()) {
      const whole = { size: this.#size, units, others };
      const rows = isKept ? movedRows(whole, this.#counted[index].others.model) : whole;
      if (rows.others.model.length > 0) isSame = false;
      this.#add(rows);
    }
    this.#counted = now;
    return { gains: this.#gains, isSame };
  }

  /** By how much the objective rises with another permutation of these units, exactly, where `at` was called last. */
  riseOf({ from, to }: { readonly from: Uint32Array; readonly to: Uint32Array }): number {
    let rise = 0;
    for (const { units, others } of this.#counted) {
      for (let unit = 0; unit < this.#size; unit++) {
        if (from[unit] !== to[unit])
          rise += this.#riseOfRow({ units, others, unit, from: from[unit], to: to[unit] });
      }
    }
    return rise;
  }

  #riseOfRow({ units, others, unit, from, to }: MovedUnit): number {
    const { reference, model } = this.#pair;
    const perUnit = units.model.length / this.#size;
    const count = others.model.length;
    let rise = 0;
    for (let k = 0; k < perUnit; k++) {
      const inReference = units.reference[unit * perUnit + k];
      const fromAt = units.model[from * perUnit + k];
      const toAt = units.model[to * perUnit + k];
      for (let other = 0; other < count; other++) {
        const offset = others.model[other];
        rise +=
          reference[inReference + others.reference[other]] * (model[toAt + offset] - model[fromAt + offset]);
      }
    }
    return rise;
  }

  #add({ size, units, others, before }: GatheredRows): void {
    const perUnit = units.model.length / size;
    const count = others.model.length;
    const chunk = Math.max(1, Math.floor(GATHERED_MAX / units.model.length));
    const { reference, model, product, room } = this.#pair;
    const values = units.model.length * Math.min(chunk, count);
    if (room.left.length < values) room.left = new Float32Array(values);
    if (room.right.length < values) room.right = new Float32Array(values);
    const { left, right } = room;
    for (let from = 0; from < count; from += chunk) {
      const to = Math.min(count, from + chunk);
      const depth = perUnit * (to - from);
      const part = { perUnit, depth };
      gather(left, reference, {
        ...part,
        units: units.reference,
        others: others.reference.subarray(from, to),
      });
      gather(right, model, { ...part, units: units.model, others: others.model.subarray(from, to) });
      if (before !== undefined) {
        takeBack(right, model, { ...part, units: units.model, others: before.subarray(from, to) });
      }
      product({ left, right, rows: size, columns: size, depth, into: this.#gains });
    }
  }
}

/** The rows of those places along the other axes where something else stands now. */
function movedRows({ size, units, others }: GatheredRows, before: Int32Array): GatheredRows {
  const moved: number[] = [];
  for (let at = 0; at < before.length; at++) if (before[at] !== others.model[at]) moved.push(at);
  const pick = (offsets: Int32Array) => Int32Array.from(moved, (at) => offsets[at]);
  const picked = { reference: pick(others.reference), model: pick(others.model) };
  return { size, units, others: picked, before: pick(before) };
}

interface Part {
  readonly perUnit: number;
  readonly depth: number;
  readonly units: Int32Array;
  readonly others: Int32Array;
}

/** Units of a tile side by side: one read of a cache line serves all of them where units are next to one another. */
const TILE = 16;

/** into[unit, (k, other)] = source[units[unit, k] + others[other]]. */
function gather(into: Float32Array, source: Float32Array, { perUnit, depth, units, others }: Part): void {
  const size = units.length / perUnit;
  for (let first = 0; first < size; first += TILE) {
    const end = Math.min(size, first + TILE);
    for (let k = 0, column = 0; k < perUnit; k++) {
      for (let other = 0; other < others.length; other++, column++) {
        const offset = others[other];
        for (let unit = first; unit < end; unit++) {
          into[unit * depth + column] = source[units[unit * perUnit + k] + offset];
        }
      }
    }
  }
}

/** into −= what `gather` would have put there. */
function takeBack(into: Float32Array, source: Float32Array, { perUnit, depth, units, others }: Part): void {
  const size = units.length / perUnit;
  for (let first = 0; first < size; first += TILE) {
    const end = Math.min(size, first + TILE);
    for (let k = 0, column = 0; k < perUnit; k++) {
      for (let other = 0; other < others.length; other++, column++) {
        const offset = others[other];
        for (let unit = first; unit < end; unit++) {
          into[unit * depth + column] -= source[units[unit * perUnit + k] + offset];
        }
      }
    }
  }
}

function equal(left: Int32Array, right: Int32Array): boolean {
  for (let at = 0; at < left.length; at++) if (left[at] !== right[at]) return false;
  return left.length === right.length;
}
