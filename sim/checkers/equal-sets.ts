// Equal sets give equal digests: the one promise of the delta-set.

import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';

export function equalSets(): Checker {
  return { name: 'equal sets give equal digests', check: (simulation) => compare(simulation) };
}

function compare({ peers }: SimulationView): Finding {
  const seen = new Map<string, SimPeer>();
  for (const peer of peers) {
    const { machine } = peer;
    if (machine?.head === undefined || !machine.inStep || machine.set.floor > 0) continue;
    const { head, set } = machine;
    const held = Array.from({ length: set.top }, (_, i) => set.digest(i + 1)).join(' ');
    const key = `${head.generation} ${held}`;
    const other = seen.get(key);
    if (other !== undefined && other.digest !== peer.digest) {
      return {
        text: `two peers hold the same records and differ at generation ${head.generation}`,
        peers: [other, peer],
      };
    }
    seen.set(key, peer);
  }
  return undefined;
}
