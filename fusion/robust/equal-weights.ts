// Every member counts the same from here on: weights are claims, and whoever does not believe them drops them.
import type { Step } from './rule.ts';

/** Weights of 1. Needs one update; costs nothing. */
export const equalWeights: Step = {
  name: 'equal',
  needs: () => 1,
  countAfter: (count) => count,
  mix: ({ count }) => ({ weights: new Float64Array(count).fill(1) }),
};
