// Minimum-diameter averaging (MDA: El Mhamdi et al., 2021; Rousseeuw's minimum volume idea, 1985).
import { FusionError } from '../errors.ts';
import { type AttackerShare, attackersAmong } from './attackers.ts';
import type { Rule } from './rule.ts';

/** The search takes up to 2^f · n steps for each of log n diameters. */
const ATTACKERS_MAX = 16;

/**
 * The weighted mean of the n − f updates whose largest distance to one another is the smallest, of several such sets the first
 * in the order of the members; f = ⌈share · n⌉.
 *
 * Breakdown: f of n members, n ≥ 2f + 1. Cost O(n² d + 2^f n log n): a set without any pair farther apart than D exists if f
 * members cover all such pairs. An absent coordinate counts as zero. Too few: 2f + 1 updates are needed; more than 16
 * attackers are refused (MELDMESH_FUSION_SPEC). Scores: 1 for who is in the set, 0 for who is not.
 */
export function minimumDiameter({
  name,
  share,
}: {
  readonly name: string;
  readonly share: AttackerShare;
}): Rule {
  return {
    name,
    needs: (count) => 2 * attackersAmong(count, share) + 1,
    judge(members) {
      const attackers = attackersAmong(members.count, share);
      if (attackers > ATTACKERS_MAX) {
        const text = `${name} would search for ${attackers} attackers among ${members.count} updates; it can for up to ${ATTACKERS_MAX}.`;
        throw new FusionError('MELDMESH_FUSION_SPEC', text);
      }
      const scores = tightestSet(members.squaredDistances(), members.count, attackers);
      const coefficients = scores.map((isIn, i) => isIn * members.weights[i]);
      const divisor = coefficients.reduce((sum, part) => sum + part, 0);
      return { kind: 'combination', coefficients, divisor, scores };
    },
  };
}

/** 1 for the n − f members of the set, 0 for the others. */
function tightestSet(squaredDistances: Float64Array, count: number, attackers: number): Float64Array {
  const diameters = squaredDistances.toSorted();
  let low = 0;
  let high = diameters.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    const pairs = pairsBeyond(squaredDistances, count, diameters[middle]);
    if (canCover(pairs, new Set(), attackers)) high = middle;
    else low = middle + 1;
  }
  return firstSet(pairsBeyond(squaredDistances, count, diameters[low]), count, attackers);
}

type Pair = readonly [number, number];

function pairsBeyond(squaredDistances: Float64Array, count: number, diameter: number): Pair[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) if (squaredDistances[i * count + j] > diameter) pairs.push([i, j]);
  }
  return pairs;
}

/** Whether some `more` members beside those removed have a part in every pair: one of any pair that is left must go. */
function canCover(pairs: readonly Pair[], removed: ReadonlySet<number>, more: number): boolean {
  const open = pairs.find(([i, j]) => !removed.has(i) && !removed.has(j));
  if (open === undefined) return true;
  if (more === 0) return false;
  return open.some((member) => canCover(pairs, new Set([...removed, member]), more - 1));
}

/** Member after member stays if the others can still do without f; with none left to remove, all stay. */
function firstSet(pairs: readonly Pair[], count: number, attackers: number): Float64Array {
  const isIn = new Float64Array(count);
  const removed = new Set<number>();
  for (let member = 0; member < count; member++) {
    if (removed.has(member)) continue;
    // Whoever is too far from one that stays must go.
    const opposite = pairs.filter((pair) => pair.includes(member)).flat();
    const without = new Set([...removed, ...opposite.filter((other) => other !== member)]);
    if (without.size <= attackers && canCover(pairs, without, attackers - without.size)) {
      isIn[member] = 1;
      for (const other of without) removed.add(other);
    } else removed.add(member);
  }
  return keepOnly(isIn, count - attackers);
}

/** Where fewer than f had to go, the last of those that could stay make up the number. */
function keepOnly(isIn: Float64Array, wanted: number): Float64Array {
  let kept = 0;
  return isIn.map((value) => {
    kept += value;
    return kept <= wanted ? value : 0;
  });
}
