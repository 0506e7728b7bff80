// The coordinate-wise trimmed mean (Yin et al., 2018, option II; BRIDGE-T, Yang & Bajwa, 2019).
import { type AttackerShare, attackersAmong } from './attackers.ts';
import type { ColumnBlock } from './column-pass.ts';
import type { Rule } from './rule.ts';

/**
 * At each coordinate, without its f smallest and its f largest values, the weighted mean of the rest; f = ⌈share · n⌉. What
 * is left lies between two honest values, whatever weights the attackers claim.
 *
 * Breakdown: f of n members. Cost O(n log² n · d). Over the members that report a coordinate, always f from each end; with
 * fewer than 2f + 1 of them (or `supportMin`, if that is more) it stays put. Too few: 2f + 1 updates are needed.
 */
export function trimmedMean(options: {
  readonly name: string;
  readonly share: AttackerShare;
  readonly supportMin: number;
}): Rule {
  const { name, share, supportMin } = options;
  const supportOf = (count: number): number => Math.max(supportMin, 2 * attackersAmong(count, share) + 1);
  return {
    name,
    needs: supportOf,
    judge: ({ count }) => {
      const trim = attackersAmong(count, share);
      const middle = (block: ColumnBlock, out: Float64Array): void =>
        meanOfRanks(block, { from: trim, to: block.count - trim }, out);
      return { kind: 'coordinatewise', supportMin: supportOf(count), sorted: true, middle };
    },
  };
}

/** The weighted mean of each column's values from one rank up to another that is not included. */
function meanOfRanks(
  { values, weights, stride, columns }: ColumnBlock,
  { from, to }: { readonly from: number; readonly to: number },
  out: Float64Array,
): void {
  out.fill(0);
  if (weights === undefined) {
    for (let rank = from; rank < to; rank++) {
      const at = rank * stride;
      for (let column = 0; column < columns; column++) out[column] += values[at + column];
    }
    for (let column = 0; column < columns; column++) out[column] /= to - from;
    return;
  }
  for (let column = 0; column < columns; column++) {
    let total = 0;
    for (let at = from * stride + column; at < to * stride; at += stride) {
      out[column] += weights[at] * values[at];
      total += weights[at];
    }
    out[column] /= total;
  }
}
