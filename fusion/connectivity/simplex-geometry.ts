// Simplexes of models: their volume, what raises it, and points drawn uniformly from them. It knows no loss.
import { assert } from '../assert.ts';
import type { Random } from '../types.ts';
import { distanceBetween } from './model-points.ts';

/** Share of a vector's length below which what is left of it after projection is rounding. */
const ROUNDING = 1e-7;

/** An orthonormal basis of the hull of some points, to tell how far another point is from it. */
export interface AffineHull {
  /** From the hull straight to the point, into the room; returns its length. */
  heightOf(point: Float32Array, room: Float64Array): number;
}

/** By modified Gram–Schmidt in float64; points that add no direction are passed over. */
export function affineHull(points: readonly Float32Array[]): AffineHull {
  const [origin] = points;
  const basis: Float64Array[] = [];
  const heightOf = (point: Float32Array, room: Float64Array): number => {
    for (let i = 0; i < room.length; i++) room[i] = point[i] - origin[i];
    for (const axis of basis) {
      let along = 0;
      for (let i = 0; i < room.length; i++) along += axis[i] * room[i];
      for (let i = 0; i < room.length; i++) room[i] -= along * axis[i];
    }
    return lengthOf(room);
  };
  for (const point of points.slice(1)) {
    const room = new Float64Array(origin.length);
    const height = heightOf(point, room);
    if (height <= ROUNDING * distanceBetween(point, origin)) continue;
    for (let i = 0; i < room.length; i++) room[i] /= height;
    basis.push(room);
  }
  return { heightOf };
}

/** n-dimensional volume of the simplex of n + 1 points: heights over one another / n!. One point has the volume 1. */
export function simplexVolume(points: readonly Float32Array[]): number {
  let volume = 1;
  const room = new Float64Array(points[0].length);
  for (let n = 1; n < points.length; n++) {
    volume *= affineHull(points.slice(0, n)).heightOf(points[n], room) / n;
  }
  return volume;
}

/**
 * Barycentric coordinates of a uniform point of a simplex, as many as there is room: the gaps between sorted uniform
 * numbers. No logarithm, so the same bits everywhere.
 */
export function drawBarycentric(coordinates: Float64Array, random: Random): void {
  const last = coordinates.length - 1;
  assert(last >= 0, 'a simplex has a vertex');
  for (let i = 0; i < last; i++) coordinates[i] = random.float();
  coordinates[last] = 1;
  coordinates.sort();
  for (let i = last; i > 0; i--) coordinates[i] -= coordinates[i - 1];
}

function lengthOf(vector: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i] * vector[i];
  return Math.sqrt(sum);
}
