// Bucketing in front of a rule (Karimireddy, He, Jaggi, 2022, Algorithm 1).
import { FusionError } from '../errors.ts';
import { createRandom } from '../random.ts';
import type { Step } from './rule.ts';

/**
 * Throws the updates into buckets of `size` at random, the last one perhaps smaller, and goes on with the weighted mean of
 * each bucket, which weighs as much as what is in it. Honest buckets differ less than honest members do; but f attackers
 * are in up to f buckets, so the rule behind must bear `size` times their share.
 *
 * Chance is drawn from the seed of the context, which all members know and nobody may choose after seeing the updates.
 * Cost O(n d). An absent coordinate counts as zero, and a bucket reports what any of its members does. One update is enough.
 */
export function bucketing({ name, size }: { readonly name: string; readonly size: number }): Step {
  return {
    name,
    needs: () => 1,
    countAfter: (count) => Math.ceil(count / size),
    mix({ count, weights }, { seed }) {
      if (seed === undefined) {
        throw new FusionError('MELDMESH_FUSION_SPEC', `${name} draws buckets, and no seed was given.`);
      }
      const order = shuffled(count, seed);
      const bucketWeights = new Float64Array(Math.ceil(count / size));
      const placeOf = new Int32Array(count);
      for (const [place, member] of order.entries()) {
        placeOf[member] = Math.floor(place / size);
        bucketWeights[placeOf[member]] += weights[member];
      }
      const coefficients = new Float64Array(bucketWeights.length * count);
      for (let member = 0; member < count; member++) {
        const bucket = placeOf[member];
        coefficients[bucket * count + member] = weights[member] / bucketWeights[bucket];
      }
      return { coefficients, weights: bucketWeights, placeOf };
    },
  };
}

/** 0 … count − 1 in an order that the seed decides (Fisher & Yates). */
function shuffled(count: number, seed: string): number[] {
  const random = createRandom(seed).fork('bucketing');
  const order = Array.from({ length: count }, (_, member) => member);
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}
