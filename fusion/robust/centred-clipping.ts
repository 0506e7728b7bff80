// Centred clipping (Karimireddy, He, Jaggi, 2021, Algorithm 2).
import { distancesToCombination, lowerMedian } from './distances.ts';
import type { Rule } from './rule.ts';

/**
 *     v ← v + Σ ŵᵢ (xᵢ − v) min(1, τ / ‖xᵢ − v‖)
 *
 * with ŵ the normalised weights, from v = 0, where the model stays put (the paper begins at the aggregate before; a set of
 * deltas has its own momentum for that). τ is `radius` times the lower median of the distances ‖xᵢ − v‖, anew in each
 * iteration, so that no length has to be agreed on. v is kept as its coefficients.
 *
 * Breakdown: attackers of weight share ŵ move v by at most ŵ τ an iteration, and τ is an honest distance as long as less
 * than half of the members are attackers. Cost O(n² d) for the inner products. An absent coordinate counts as zero. One
 * update is enough. Scores: the part of each member's last difference that clipping left; high is good.
 */
export function centredClipping(options: {
  readonly name: string;
  readonly radius: number;
  readonly iterations: number;
}): Rule {
  const { name, radius, iterations } = options;
  return {
    name,
    needs: () => 1,
    judge(members) {
      const gram = members.gram();
      const total = members.weights.reduce((sum, weight) => sum + weight, 0);
      const weights = members.weights.map((weight) => weight / total);
      let centre: Float64Array = new Float64Array(members.count);
      let factors = centre;
      for (let iteration = 0; iteration < iterations; iteration++) {
        const distances = distancesToCombination(gram, centre);
        factors = clipFactors(distances, radius * lowerMedian(distances));
        const moved = weights.reduce((sum, weight, i) => sum + weight * factors[i], 0);
        centre = centre.map((part, i) => part * (1 - moved) + weights[i] * factors[i]);
      }
      return { kind: 'combination', coefficients: centre, divisor: 1, scores: factors };
    },
  };
}

/** min(1, τ / length) for each length; 1 for a length of zero. */
export function clipFactors(lengths: Float64Array, radius: number): Float64Array {
  return lengths.map((length) => (length > radius ? radius / length : 1));
}
