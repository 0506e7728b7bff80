// Trust by direction (FLTrust: Cao, Fang, Liu, Gong, 2021), with a reference update or with one found among the members.
import { FusionError } from '../errors.ts';
import { normsOf } from './distances.ts';
import { weiszfeld } from './geometric-median.ts';
import type { Combination, Rule } from './rule.ts';

/**
 *     TSᵢ = max(0, cos(xᵢ, r)),   Σ wᵢ TSᵢ xᵢ ‖r‖ / ‖xᵢ‖  /  Σ wᵢ TSᵢ
 *
 * with the reference r of the context: an update from trusted data in the paper; the previous generation's change, or one's
 * own update, in a mesh. Everything is brought to the length of r.
 *
 * Breakdown: none in numbers; an attacker adds at most ‖r‖, and only along r. Cost O(n² d) for the inner products. An absent
 * coordinate counts as zero. One update is enough. An update of norm zero gets no trust, and where nobody has any the
 * result is zero. Scores: TS; high is good. Throws MELDMESH_FUSION_SPEC for a reference that is absent or zero.
 */
export const trustByReference: Rule = {
  name: 'fltrust',
  usesReference: true,
  needs: () => 1,
  judge(members) {
    const { count, weights, reference } = members;
    const norm = Math.sqrt(reference?.squaredNorm() ?? 0);
    if (reference === undefined || norm === 0) {
      throw new FusionError('MELDMESH_FUSION_SPEC', 'fltrust needs a reference update that is not zero.');
    }
    const norms = normsOf(members.gram(), count);
    const products = reference.products();
    const scores = norms.map((own, i) => trust(products[i], own * norm));
    return trusted({ scores, weights, lengths: norms.map((own) => (own === 0 ? 0 : norm / own)) });
  },
};

/**
 *     Σ wᵢ TSᵢ xᵢ / Σ wᵢ TSᵢ,   r = the geometric median of the members
 *
 * For want of a reference, and without changing lengths: `clip` in front bounds them. Breakdown: the direction r is bounded up
 * to half of the weight, the length is not without `clip`. The rest is as above; where r is zero, so is the result.
 */
export const trustByMedian: Rule = {
  name: 'cosine',
  needs: () => 1,
  judge(members) {
    const { count, weights } = members;
    const gram = members.gram();
    const { coefficients } = weiszfeld(gram, weights);
    const products = new Float64Array(count);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) products[i] += gram[i * count + j] * coefficients[j];
    }
    const square = coefficients.reduce((sum, part, i) => sum + part * products[i], 0);
    const norms = normsOf(gram, count);
    const scores = norms.map((own, i) => trust(products[i], own * Math.sqrt(Math.max(0, square))));
    return trusted({ scores, weights, lengths: new Float64Array(count).fill(1) });
  },
};

/** The cosine, at most 1 whatever rounding does, without its negative half. */
function trust(product: number, lengths: number): number {
  return lengths === 0 ? 0 : Math.max(0, Math.min(1, product / lengths));
}

function trusted(parts: {
  readonly scores: Float64Array;
  readonly weights: Float64Array;
  /** What each member is multiplied with before it is averaged. */
  readonly lengths: Float64Array;
}): Combination {
  const { scores, weights, lengths } = parts;
  const total = scores.reduce((sum, score, i) => sum + weights[i] * score, 0);
  const coefficients = scores.map((score, i) => weights[i] * score * lengths[i]);
  return { kind: 'combination', coefficients, divisor: total === 0 ? 1 : total, scores };
}
