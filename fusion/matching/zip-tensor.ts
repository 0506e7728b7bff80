// One tensor of two models whose units are grouped: M · diag(A, B) · U of ZipIt, written as one pass over the entries of both. It
// does not know how units were grouped.
import { FusionError } from '../errors.ts';
import type { Segment } from '../symmetry/axis-map.ts';
import type { UnitGroups } from './zip-groups.ts';

export interface GroupedAxis {
  readonly tensor: string;
  readonly axis: number;
  readonly length: number;
  /** All of the axis. */
  readonly segment: Segment;
  readonly groups: UnitGroups;
}

export interface ZipTensorOptions {
  /** Of the two models. */
  readonly first: Float32Array;
  readonly second: Float32Array;
  readonly shape: readonly number[];
  /** Groups put out the mean of their units. */
  readonly written: GroupedAxis | undefined;
  /** What the units of a group sent is added up, within each model. */
  readonly read: GroupedAxis | undefined;
}

/** Throws a FusionError where a segment covers only a part of its axis. */
export function zipTensor(options: ZipTensorOptions): {
  readonly values: Float32Array;
  readonly shape: readonly number[];
} {
  const { first, second, shape, written, read } = options;
  let zipped = shape;
  for (const axis of [written, read]) {
    if (axis !== undefined) zipped = zipped.with(axis.axis, zippedLength(axis));
  }
  const sums = new Float64Array(zipped.reduce((size, length) => size * length, 1));
  for (const [model, values] of [first, second].entries()) {
    const maps = shape.map((length, axis) => {
      const grouped = [written, read].find((each) => each?.axis === axis);
      return grouped === undefined ? Uint32Array.from({ length }, (_, at) => at) : mapOf(grouped, model);
    });
    const shares = written === undefined ? undefined : sharesOf(written, model);
    addEntries({ values, shape, zipped, maps, shares, writtenAxis: written?.axis ?? 0, sums });
  }
  return { values: Float32Array.from(sums), shape: zipped };
}

function zippedLength({ tensor, axis, length, segment, groups }: GroupedAxis): number {
  const { start, repeats, size, block } = segment;
  if (start === 0 && repeats * size * block === length) return repeats * groups.count * block;
  const message = `a permutation covers only a part of axis ${axis} of tensor ${JSON.stringify(tensor)}`;
  throw new FusionError('MELDMESH_FUSION_SPEC', `${message}: such units cannot be grouped`);
}

/** By entry of the axis of one model, its entry in the merged tensor. */
function mapOf({ length, segment, groups }: GroupedAxis, model: number): Uint32Array {
  const { size, block } = segment;
  return Uint32Array.from({ length }, (_, entry) => {
    const unit = Math.floor(entry / block) % size;
    const repeat = Math.floor(entry / (block * size));
    return (repeat * groups.count + groups.groupOf[model * size + unit]) * block + (entry % block);
  });
}

/** By entry of the axis, one over the units of its group. */
function sharesOf({ length, segment, groups }: GroupedAxis, model: number): Float64Array {
  const members = new Uint32Array(groups.count);
  for (const group of groups.groupOf) members[group]++;
  const { size, block } = segment;
  return Float64Array.from({ length }, (_, entry) => {
    const unit = Math.floor(entry / block) % size;
    return 1 / members[groups.groupOf[model * size + unit]];
  });
}

interface Entries {
  readonly values: Float32Array;
  readonly shape: readonly number[];
  readonly zipped: readonly number[];
  readonly maps: readonly Uint32Array[];
  readonly shares: Float64Array | undefined;
  readonly writtenAxis: number;
  readonly sums: Float64Array;
}

/** sums[maps(index)] += share · values[index] for every index of the tensor. */
function addEntries({ values, shape, zipped, maps, shares, writtenAxis, sums }: Entries): void {
  let at = 0;
  const descend = (axis: number, target: number, share: number): void => {
    if (axis === shape.length) {
      sums[target] += share * values[at++];
      return;
    }
    for (let index = 0; index < shape[axis]; index++) {
      const own = axis === writtenAxis && shares !== undefined ? shares[index] : share;
      descend(axis + 1, target * zipped[axis] + maps[axis][index], own);
    }
  };
  descend(0, 0, 1);
}
