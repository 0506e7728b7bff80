// What the store promised survives a crash: a record is on disk before anybody hears of it, so whatever the others hold of
// an author, its disk knows after every crash. (That the model at the restart is the one of these records is what the
// checker of equal sets watches.)
import { type DeltaRecord, decodeOwn, type Hash, OWN_KEY, recordKey } from '../../protocols/index.ts';
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';
import { isMending } from './reachable.ts';
import { sampleOf } from './sample.ts';

interface Promised {
  readonly generation: number;
  readonly id: Hash;
}

/** Other members who are asked what they hold of an author, and for how many of their newest generations. */
const WITNESSES_MAX = 8;
const GENERATIONS_MAX = 4;

export function storePromise(): Checker {
  const promised = new Map<SimPeer, Promised>();
  let view: SimulationView | undefined;
  return {
    name: 'what the store promised survives a crash',
    onPublished: (peer, { generation, id }) => {
      if (generation > (promised.get(peer)?.generation ?? 0)) promised.set(peer, { generation, id });
      return undefined;
    },
    // A value that rots was promised to nobody.
    onStart: (peer) =>
      view !== undefined && isMending(view, peer)
        ? undefined
        : compare(peer, [promised.get(peer), view && witnessed(view, peer)]),
    check: (simulation) => {
      view = simulation;
      return undefined;
    },
  };
}

/** The newest record of this author that others hold. */
function witnessed(view: SimulationView, author: SimPeer): Promised | undefined {
  let newest: DeltaRecord | undefined;
  for (const { machine } of sampleOf(view, `witnesses ${author.id}`, WITNESSES_MAX)) {
    if (machine === undefined) continue;
    const { top, floor } = machine.set;
    for (let generation = top; generation > Math.max(floor, top - GENERATIONS_MAX); generation--) {
      if (generation <= (newest?.generation ?? 0)) break;
      newest = machine.set.held(generation).find((record) => record.author === author.id) ?? newest;
    }
  }
  return newest;
}

function compare(peer: SimPeer, promises: readonly (Promised | undefined)[]): Finding {
  const { entries } = peer.disk;
  const bytes = entries.get(OWN_KEY);
  const own = bytes === undefined ? undefined : decodeOwn(bytes);
  for (const promise of promises) {
    if (promise === undefined || (own !== undefined && own.generation > promise.generation)) continue;
    const { generation, id } = promise;
    if (own === undefined || own.generation < generation || own.record !== id) {
      const text = `others hold an author's record of generation ${generation}, and its disk knows ${own === undefined ? 'nothing' : `only generation ${own.generation}`}`;
      return { text, peers: [peer] };
    }
    if (!entries.has(recordKey(generation, id)))
      return { text: `the disk has lost an own record of generation ${generation}`, peers: [peer] };
  }
  return undefined;
}
