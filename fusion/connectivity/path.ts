// Curves in the space of models, each a weighted sum of a few points: the line, the polygonal chain and Bezier curves. It
// does not know whether a point was trained, nor what the loss along the curve is.
import { checkPoints, combine } from './model-points.ts';

export interface Path {
  /** Weights of each model on it. */
  readonly size: number;
  /** The model at t in [0, 1], into the room where there is one. */
  at(t: number, room?: Float32Array): Float32Array;
}

/** How much each of `coefficients.length` points counts at t in [0, 1]; fills in all of them. */
export type PathWeights = (t: number, coefficients: Float64Array) => void;

/** The curve Σ weights_k(t) · points_k. Throws a FusionError for fewer than two models, or models that do not match. */
export function createPath(points: readonly Float32Array[], weights: PathWeights): Path {
  checkPoints(points, 2);
  const coefficients = new Float64Array(points.length);
  return {
    size: points[0].length,
    at(t, room) {
      weights(t, coefficients);
      return combine({ points, coefficients, room });
    },
  };
}

/** The straight line between two models. */
export function linePath(ends: { readonly from: Float32Array; readonly to: Float32Array }): Path {
  return createPath([ends.from, ends.to], chainWeights);
}

/** Straight pieces from point to point, each of them as long in t as the others. */
export function chainPath(points: readonly Float32Array[]): Path {
  return createPath(points, chainWeights);
}

/** The Bezier curve of these control points, which passes through the first and the last of them. */
export function bezierPath(points: readonly Float32Array[]): Path {
  return createPath(points, bernsteinWeights);
}

/** Hat functions over equal pieces of [0, 1] (Garipov et al. 2018, section 3.2, "polygonal chain"). */
export function chainWeights(t: number, coefficients: Float64Array): void {
  const pieces = coefficients.length - 1;
  const piece = Math.min(pieces - 1, Math.floor(t * pieces));
  const inside = t * pieces - piece;
  coefficients.fill(0);
  coefficients[piece] = 1 - inside;
  coefficients[piece + 1] = inside;
}

/** Bernstein polynomials, by de Casteljau's recurrence (Garipov et al. 2018, section 3.2, "Bezier curve"). */
export function bernsteinWeights(t: number, coefficients: Float64Array): void {
  const last = coefficients.length - 1;
  coefficients.fill(0);
  coefficients[0] = 1;
  for (let degree = 1; degree <= last; degree++) {
    for (let k = degree; k > 0; k--) coefficients[k] = (1 - t) * coefficients[k] + t * coefficients[k - 1];
    coefficients[0] *= 1 - t;
  }
}
