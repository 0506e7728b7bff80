// The plain weighted mean, for comparison and as the last resort of a chain.
import type { Rule } from './rule.ts';

/**
 *     Σ wᵢ xᵢ / Σ wᵢ        (FedAvg, McMahan et al., 2017)
 *
 * Breakdown: none, one member moves it anywhere. Cost O(n d). An absent coordinate counts as zero. One update is enough.
 */
export const weightedMean: Rule = {
  name: 'mean',
  needs: () => 1,
  judge: ({ weights }) => ({
    kind: 'combination',
    coefficients: weights,
    divisor: weights.reduce((sum, weight) => sum + weight, 0),
  }),
};
