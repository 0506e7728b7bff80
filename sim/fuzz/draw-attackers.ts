// Liars of a drawn world. Values may be wrong in any mesh; bytes may be nonsense; agreement must stand.
import type { Random } from '../../fusion/index.ts';
import { ATTACKERS } from '../attackers/kinds.ts';
import type { AttackerSetting } from '../scenario.ts';

/** One world in so many has liars. */
const ONE_IN = 4;

export function drawAttackers(random: Random, peers: number): AttackerSetting[] {
  const kinds = [...ATTACKERS.keys()].sort();
  if (random.below(ONE_IN) !== 0 || peers < 4) return [];
  const kind = kinds[random.below(kinds.length)];
  return [{ kind, peers: [random.below(peers)], fromGeneration: 1 + random.below(6) }];
}
