// Sign election and disjoint mean (TIES-Merging: Yadav et al., 2023, steps 2 and 3; step 1, trimming, is what the `top`
// codecs do before an update is sent).
import type { ColumnBlock } from './column-pass.ts';
import type { Rule, SupportOptions } from './rule.ts';

/**
 * At each coordinate the sign with the larger weighted sum of magnitudes is elected, and the result is the weighted mean of
 * the values that have it. Where both weigh the same the coordinate stays put.
 *
 * Breakdown: none by itself, for magnitudes vote and a huge one wins; after `clip` an attacker has at most the vote of an
 * honest member. It settles disagreement of honest members. Cost O(n d). Over the members that report a coordinate; with
 * fewer than `supportMin` of them it stays put. Too few: `supportMin` updates are needed.
 */
export function signElection({ name, supportMin }: SupportOptions): Rule {
  return {
    name,
    needs: () => supportMin,
    judge: () => ({ kind: 'coordinatewise', supportMin, sorted: false, middle: electedMeans }),
  };
}

function electedMeans({ values, weights, stride, count, columns }: ColumnBlock, out: Float64Array): void {
  for (let column = 0; column < columns; column++) {
    const end = count * stride;
    let vote = 0;
    for (let at = column; at < end; at += stride) vote += (weights?.[at] ?? 1) * values[at];
    let sum = 0;
    let total = 0;
    for (let at = column; at < end; at += stride) {
      if (values[at] * vote <= 0) continue;
      sum += (weights?.[at] ?? 1) * values[at];
      total += weights?.[at] ?? 1;
    }
    out[column] = total === 0 ? 0 : sum / total;
  }
}
