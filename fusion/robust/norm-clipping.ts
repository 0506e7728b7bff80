// Clipping of every update to the median norm (Sun et al., 2019, with a bound that nobody has to choose).
import { clipFactors } from './centred-clipping.ts';
import { lowerMedian, normsOf } from './distances.ts';
import type { Step } from './rule.ts';

/**
 *     xᵢ ← xᵢ min(1, τ / ‖xᵢ‖),  τ = `factor` × the lower median of the norms
 *
 * Breakdown: less than half of the members keep τ at the norm of an honest one; it bounds what an attacker can add, not its
 * direction, so it stands in front of a rule. Cost O(n² d) for the inner products, which the next step shares. An absent
 * coordinate counts as zero. One update is enough. Where more than half are zero, so are all.
 */
export function normClipping({ name, factor }: { readonly name: string; readonly factor: number }): Step {
  return {
    name,
    needs: () => 1,
    countAfter: (count) => count,
    mix(members) {
      const { count, weights } = members;
      const norms = normsOf(members.gram(), count);
      const coefficients = new Float64Array(count * count);
      for (const [i, kept] of clipFactors(norms, factor * lowerMedian(norms)).entries()) {
        coefficients[i * count + i] = kept;
      }
      return { coefficients, weights };
    },
  };
}
