// Krum and multi-Krum (Blanchard, El Mhamdi, Guerraoui, Stainer, 2017).
import { type AttackerShare, attackersAmong } from './attackers.ts';
import { ascendingOrder } from './distances.ts';
import type { Members } from './members.ts';
import type { Rule } from './rule.ts';

interface KrumOptions {
  readonly name: string;
  readonly share: AttackerShare;
}

/**
 * The one update with the smallest score: the sum of its squared distances to its n − f − 2 nearest others; f = ⌈share · n⌉.
 * Weights play no part.
 *
 * Breakdown: f of n members, n ≥ 2f + 3. Cost O(n² d). An absent coordinate counts as zero. Too few: 2f + 3 updates are
 * needed. Scores: low is good.
 */
export function krum({ name, share }: KrumOptions): Rule {
  return {
    name,
    needs: (count) => neededBy(count, share),
    judge(members) {
      const scores = scoresOf(members, share);
      const coefficients = new Float64Array(members.count);
      coefficients[ascendingOrder(scores)[0]] = 1;
      return { kind: 'combination', coefficients, divisor: 1, scores };
    },
  };
}

/**
 * The weighted mean of the n − f updates with the smallest scores. Breakdown, cost, absent coordinates, too few and scores
 * are those of Krum.
 */
export function multiKrum({ name, share }: KrumOptions): Rule {
  return {
    name,
    needs: (count) => neededBy(count, share),
    judge(members) {
      const scores = scoresOf(members, share);
      const kept = ascendingOrder(scores).slice(0, members.count - attackersAmong(members.count, share));
      const coefficients = new Float64Array(members.count);
      for (const member of kept) coefficients[member] = members.weights[member];
      const divisor = coefficients.reduce((sum, part) => sum + part, 0);
      return { kind: 'combination', coefficients, divisor, scores };
    },
  };
}

/** Krum's scores of some of the members among themselves, in the order given. */
export function krumScores(
  squaredDistances: Float64Array,
  among: readonly number[],
  neighbours: number,
): Float64Array {
  const count = Math.sqrt(squaredDistances.length);
  return Float64Array.from(among, (member) => {
    const others = among.filter((other) => other !== member);
    const nearest = Float64Array.from(others, (other) => squaredDistances[member * count + other]).sort();
    return nearest.subarray(0, neighbours).reduce((sum, distance) => sum + distance, 0);
  });
}

function scoresOf(members: Members, share: AttackerShare): Float64Array {
  const all = Array.from({ length: members.count }, (_, member) => member);
  const neighbours = members.count - attackersAmong(members.count, share) - 2;
  return krumScores(members.squaredDistances(), all, neighbours);
}

function neededBy(count: number, share: AttackerShare): number {
  return 2 * attackersAmong(count, share) + 3;
}
