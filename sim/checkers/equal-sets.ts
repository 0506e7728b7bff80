// Equal sets give equal digests: the one promise of the delta-set. It is held over all peers, all lives and all time, so
// a restart that comes back with another model for what it has is found too.
import { decodeSnapshotRow, snapshotKey } from '../../protocols/index.ts';
import type { SimPeer } from '../peer.ts';
import type { Checker, Finding } from './checker.ts';
import { isMending } from './reachable.ts';
import { sampleOf } from './sample.ts';

const PEERS_MAX = 64;
/** Sets remembered; the oldest are forgotten. */
const SETS_MAX = 4_096;

interface Seen {
  readonly peer: SimPeer;
  readonly digest: string | undefined;
}

export function equalSets(): Checker {
  const seen = new Map<string, Seen>();
  return {
    name: 'equal sets give equal digests',
    check: (simulation) => {
      for (const peer of sampleOf(simulation, 'equal sets', PEERS_MAX)) {
        // Without a payload that its disk has lost its model is another one, until it has that again.
        const finding = isMending(simulation, peer) ? undefined : compare(peer, seen);
        if (finding !== undefined) return finding;
      }
      return undefined;
    },
  };
}

/** Members who have sealed a part of their history know it by its outcome only, which is then a part of what they have. */
function compare(peer: SimPeer, seen: Map<string, Seen>): Finding {
  const { machine, digest } = peer;
  if (machine?.head === undefined || !machine.inStep) return undefined;
  const { head, set } = machine;
  const past = set.floor === 0 ? 'nothing' : stateAtFloor(peer, set.floor);
  if (past === undefined) return undefined;
  let key = `${head.generation} ${set.floor} ${past}`;
  for (let generation = set.floor + 1; generation <= set.top; generation++)
    key += ` ${set.digest(generation)}`;
  const other = seen.get(key);
  if (other === undefined) {
    seen.set(key, { peer, digest });
    for (const oldest of seen.keys()) {
      if (seen.size <= SETS_MAX) break;
      seen.delete(oldest);
    }
    return undefined;
  }
  if (other.digest === digest) return undefined;
  const text = `the same records gave two models at generation ${head.generation}`;
  return { text, peers: other.peer === peer ? [peer] : [other.peer, peer] };
}

function stateAtFloor({ disk }: SimPeer, floor: number): string | undefined {
  const row = disk.entries.get(snapshotKey(floor));
  return row === undefined ? undefined : decodeSnapshotRow(row)?.state;
}
