// A generation never goes back. A restart may lose what was not synced, but no more than the disk still says; a corrected
// model at the same generation is no step back.
import { decodeHeadRow, HEAD_KEY } from '../../protocols/index.ts';
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';
import { isMending } from './reachable.ts';

export function forward(): Checker {
  /** Generation that each peer's present life may not fall below. */
  const reached = new Map<SimPeer, number>();
  let view: SimulationView | undefined;
  const at = (peer: SimPeer, generation: number): Finding => {
    const before = reached.get(peer) ?? 0;
    if (generation < before)
      return { text: `a peer went back from generation ${before} to ${generation}`, peers: [peer] };
    reached.set(peer, generation);
    return undefined;
  };
  return {
    name: 'a generation never goes back',
    onStart: (peer) => {
      const row = peer.disk.entries.get(HEAD_KEY);
      const said = (row === undefined ? undefined : decodeHeadRow(row)?.generation) ?? 0;
      // Without a record that has rotted it cannot stand where it stood.
      reached.set(peer, view !== undefined && isMending(view, peer) ? 0 : said);
      return undefined;
    },
    onGeneration: (peer, { generation }) => at(peer, generation),
    check: (simulation) => {
      view = simulation;
      // In the middle of a correction the head stands lower for a moment; its target does not.
      for (const peer of simulation.honest) {
        const { machine } = peer;
        if (machine === undefined || machine.phase === 'loading' || !machine.inStep) continue;
        const finding = at(peer, peer.generation);
        if (finding !== undefined) return finding;
      }
      return undefined;
    },
  };
}
