// Liars of a drawn world: only kinds that cannot change what honest members have to agree on. Values may be wrong in any
// mesh; bytes may be nonsense; agreement must stand.
import type { Random } from '../../fusion/index.ts';
import { ATTACKERS } from '../attackers/kinds.ts';
import type { AttackerSetting } from '../scenario.ts';

/**
 * Left out until the rules hold against it: of what it makes up, one record of a coming generation can be the whole jury of
 * the present one, which then counts nobody's record, and all stand still.
 */
const LEFT_OUT: ReadonlySet<string> = new Set(['flood']);
/** One world in so many has liars. */
const ONE_IN = 4;

export function drawAttackers(random: Random, peers: number): AttackerSetting[] {
  const kinds = [...ATTACKERS.keys()].filter((name) => !LEFT_OUT.has(name)).sort();
  if (random.below(ONE_IN) !== 0 || peers < 4 || kinds.length === 0) return [];
  const kind = kinds[random.below(kinds.length)];
  return [{ kind, peers: [random.below(peers)], fromGeneration: 1 + random.below(6) }];
}
