// The geometric median by Weiszfeld's iteration with smoothing (RFA: Pillutla, Kakade, Harchaoui, 2019, Algorithm 2).
import { distancesToCombination, lowerMedian, normsOf } from './distances.ts';
import type { Rule } from './rule.ts';

/** ν: distances below this part of the median norm count as this, so that no division is by zero. */
const SMOOTHING = 1e-6;
/** Where more than half of the updates are zero, nothing gives a length to compare with. */
const SMOOTHING_MIN = 1e-150;
/** An attacker's part shrinks by f / (n − f) in each iteration: the hugest one, at 45 %, takes 800. */
const ITERATIONS_MAX = 5_000;
const TOLERANCE = 1e-10;

/**
 *     v = argmin Σ αᵢ ‖xᵢ − v‖:  βᵢ = αᵢ / max(ν, ‖xᵢ − v‖),  v ← Σ βᵢ xᵢ / Σ βᵢ
 *
 * with α the normalised weights, from the weighted mean, until no βᵢ / Σ β changes by more than 1e-10 of itself. v is kept
 * as its coefficients, so iterations cost O(n²) and the vectors are touched twice.
 *
 * Breakdown: half of the weight. Cost O(n² d) for the inner products. An absent coordinate counts as zero. One update is
 * enough. Scores: the distance of each member from the result.
 */
export const geometricMedian: Rule = {
  name: 'geometric-median',
  needs: () => 1,
  judge(members) {
    const { coefficients, distances } = weiszfeld(members.gram(), members.weights);
    return { kind: 'combination', coefficients, divisor: 1, scores: distances };
  },
};

/** Coefficients of the geometric median, which sum up to 1, and the members' distances from it. */
export function weiszfeld(
  gram: Float64Array,
  weights: Float64Array,
): { readonly coefficients: Float64Array; readonly distances: Float64Array } {
  const alpha = normalised(weights);
  const smoothing = Math.max(SMOOTHING_MIN, SMOOTHING * lowerMedian(normsOf(gram, weights.length)));
  let coefficients = alpha;
  let distances = distancesToCombination(gram, coefficients);
  for (let iteration = 0; iteration < ITERATIONS_MAX; iteration++) {
    const beta = normalised(alpha.map((part, i) => part / Math.max(smoothing, distances[i])));
    const settled = beta.every((part, i) => Math.abs(part - coefficients[i]) <= TOLERANCE * part);
    coefficients = beta;
    distances = distancesToCombination(gram, coefficients);
    if (settled) break;
  }
  return { coefficients, distances };
}

function normalised(parts: Float64Array): Float64Array {
  const total = parts.reduce((sum, part) => sum + part, 0);
  return parts.map((part) => part / total);
}
