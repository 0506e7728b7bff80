// Models as points of one space, and weighted sums of them. It does not know what a model computes.
import { FusionError } from '../errors.ts';

/** Entries whose sums are held in float64 at once. */
const BLOCK = 2048;

/**
 * Refuses what no rule of this folder can use.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE for lengths that differ, _NOT_FINITE
 */
export function checkPoints(points: readonly Float32Array[], fewest: number): void {
  if (points.length < fewest) {
    const text = `${points.length} models are too few, give at least ${fewest}`;
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', text);
  }
  const size = points[0].length;
  if (size === 0)
    throw new FusionError('MELDMESH_FUSION_SHAPE', 'model 0 has no weights; give a whole model');
  for (const [index, point] of points.entries()) {
    if (point.length !== size) {
      const text = `model ${index} has ${point.length} weights and model 0 has ${size}; give models of one layout`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', text);
    }
    const bad = point.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) {
      const text = `weight ${bad} of model ${index} is ${point[bad]}; leave models out whose training diverged`;
      throw new FusionError('MELDMESH_FUSION_NOT_FINITE', text);
    }
  }
}

/** A number of an option that has to lie in a range. Throws MELDMESH_FUSION_SPEC. */
export function checkRange(
  name: string,
  value: number,
  range: { readonly min: number; readonly max?: number; readonly whole?: boolean },
): void {
  const { min, max = Number.MAX_SAFE_INTEGER, whole = false } = range;
  if (value >= min && value <= max && (!whole || Number.isInteger(value))) return;
  const kind = whole ? 'a whole number' : 'a number';
  const text = `${name} is ${value}; give ${kind} from ${min}${range.max === undefined ? '' : ` to ${max}`}`;
  throw new FusionError('MELDMESH_FUSION_SPEC', text);
}

/**
 * Σ coefficients[k] · points[k], summed in float64 and rounded once, into the room where there is one. A coefficient of 0
 * leaves its point out, one alone of 1 copies it bit for bit.
 */
export function combine(sum: {
  readonly points: readonly Float32Array[];
  readonly coefficients: ArrayLike<number>;
  readonly room?: Float32Array;
}): Float32Array {
  const { points, coefficients } = sum;
  const size = points[0].length;
  const room = sum.room ?? new Float32Array(size);
  const sums = new Float64Array(Math.min(BLOCK, size));
  for (let start = 0; start < size; start += BLOCK) {
    const length = Math.min(BLOCK, size - start);
    sums.fill(0);
    for (let k = 0; k < points.length; k++) {
      const coefficient = coefficients[k];
      const point = points[k];
      if (coefficient === 0) continue;
      for (let i = 0; i < length; i++) sums[i] += coefficient * point[start + i];
    }
    for (let i = 0; i < length; i++) room[start + i] = sums[i];
  }
  return room;
}

/** (1 − t) · from + t · to; exactly the ends at 0 and 1. */
export function interpolate(line: {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly t: number;
  readonly room?: Float32Array;
}): Float32Array {
  const { from, to, t, room } = line;
  return combine({ points: [from, to], coefficients: [1 - t, t], room });
}

/** Euclidean distance of two models, summed in float64. */
export function distanceBetween(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i] - b[i];
    sum += difference * difference;
  }
  return Math.sqrt(sum);
}
