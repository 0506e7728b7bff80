// Nearest-neighbour mixing in front of a rule (NNM: Allouah et al., 2023, Algorithm 2).
import { type AttackerShare, attackersAmong } from './attackers.ts';
import { ascendingOrder } from './distances.ts';
import type { Step } from './rule.ts';

/**
 * Each update becomes the weighted mean of the n − f updates nearest to it, itself among them, and keeps its own weight;
 * f = ⌈share · n⌉. That brings honest updates together where their data differ, so that what then lies apart is an attack.
 *
 * Breakdown: that of the rule behind it, up to f < n/2. Cost O(n² d). Distances count an absent coordinate as zero, and a
 * mixture reports what any of its parts does. Too few: 2f + 1 updates are needed.
 */
export function nearestNeighbourMixing(options: {
  readonly name: string;
  readonly share: AttackerShare;
}): Step {
  const { name, share } = options;
  return {
    name,
    needs: (count) => 2 * attackersAmong(count, share) + 1,
    countAfter: (count) => count,
    mix(members) {
      const { count, weights } = members;
      const distances = members.squaredDistances();
      const kept = count - attackersAmong(count, share);
      const coefficients = new Float64Array(count * count);
      for (let i = 0; i < count; i++) {
        const row = distances.slice(i * count, (i + 1) * count);
        // Before all others, equal ones too.
        row[i] = -1;
        const nearest = ascendingOrder(row).slice(0, kept);
        const total = nearest.reduce((sum, j) => sum + weights[j], 0);
        for (const j of nearest) coefficients[i * count + j] = weights[j] / total;
      }
      return { coefficients, weights };
    },
  };
}
