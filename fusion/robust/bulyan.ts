// Bulyan over Krum (El Mhamdi, Guerraoui, Rouault, 2018).
import { type AttackerShare, attackersAmong } from './attackers.ts';
import type { ColumnBlock } from './column-pass.ts';
import { ascendingOrder } from './distances.ts';
import { krumScores } from './krum.ts';
import type { Members } from './members.ts';
import type { Rule } from './rule.ts';

/**
 * Krum chooses θ = n − 2f updates, one after the other, each among those that are left (its scores then look at the
 * m − f − 2 nearest of m, at least one). At each coordinate the result is the mean of the θ − 2f chosen values closest to
 * their median, of equally close ones the smaller; f = ⌈share · n⌉. Weights play no part.
 *
 * Breakdown: f of n members, n ≥ 4f + 3. Cost O(n² d + n log² n · d). Krum counts an absent coordinate as zero; afterwards it
 * is over the chosen members that report it, and with fewer than 2f + 1 of them a coordinate stays put. Too few: 4f + 3
 * updates are needed. Scores: Krum's among all; low is good.
 */
export function bulyan({ name, share }: { readonly name: string; readonly share: AttackerShare }): Rule {
  return {
    name,
    needs: (count) => 4 * attackersAmong(count, share) + 3,
    judge(members) {
      const attackers = attackersAmong(members.count, share);
      const { chosen, scores } = chooseByKrum(members, attackers);
      const middle = (block: ColumnBlock, out: Float64Array): void =>
        meansAroundMedian(block, block.count - 2 * attackers, out);
      const supportMin = 2 * attackers + 1;
      return { kind: 'coordinatewise', chosen, supportMin, sorted: true, middle, scores };
    },
  };
}

function chooseByKrum(members: Members, attackers: number) {
  const distances = members.squaredDistances();
  let left = Array.from({ length: members.count }, (_, member) => member);
  const scores = krumScores(distances, left, left.length - attackers - 2);
  const chosen: number[] = [];
  while (chosen.length < members.count - 2 * attackers) {
    const neighbours = Math.max(1, left.length - attackers - 2);
    const winner = left[ascendingOrder(krumScores(distances, left, neighbours))[0]];
    chosen.push(winner);
    left = left.filter((member) => member !== winner);
  }
  return { chosen: chosen.sort((a, b) => a - b), scores };
}

/** The values closest to the median stand together: from both ends the farther value goes until `kept` are left. */
function meansAroundMedian(
  { values, stride, count, columns }: ColumnBlock,
  kept: number,
  out: Float64Array,
): void {
  const lowerMiddle = ((count - 1) >> 1) * stride;
  const upperMiddle = (count >> 1) * stride;
  for (let column = 0; column < columns; column++) {
    const median = (values[lowerMiddle + column] + values[upperMiddle + column]) / 2;
    let low = column;
    let high = column + (count - 1) * stride;
    for (let dropped = 0; dropped < count - kept; dropped++) {
      if (values[high] - median >= median - values[low]) high -= stride;
      else low += stride;
    }
    let sum = 0;
    for (let at = low; at <= high; at += stride) sum += values[at];
    out[column] = sum / kept;
  }
}
