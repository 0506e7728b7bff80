// An honest author signs one record a generation, over all its lives: nobody ever holds two of it.
import type { DeltaRecord, PeerId } from '../../protocols/index.ts';
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';
import { sampleOf } from './sample.ts';

const PEERS_MAX = 16;
/** Generations below the newest that are remembered; older ones are sealed nearly everywhere. */
const GENERATIONS_MAX = 256;

export function oneRecord(): Checker {
  const memory = new Memory();
  return {
    name: 'one record an author and generation',
    onPublished: (peer, record) => memory.take(peer, record, [peer]),
    onNotice: (peer, { code, text }) => {
      const author = code === 'EQUIVOCATION' ? memory.honestAuthor(text) : undefined;
      return (
        author && { text: `an honest author was caught with two records: ${text}`, peers: [author, peer] }
      );
    },
    check: (simulation) => memory.scan(simulation),
  };
}

class Memory {
  /** By generation, then author. */
  readonly #ids = new Map<number, Map<PeerId, string>>();
  /** Sets that were looked through: each content is looked at once, whoever holds it. */
  readonly #known = new Map<number, Set<string>>();
  #honest: ReadonlyMap<PeerId, SimPeer> = new Map();

  honestAuthor(text: string): SimPeer | undefined {
    return this.#honest.get(text.slice(0, text.indexOf(' ')) as PeerId);
  }

  scan(simulation: SimulationView): Finding {
    if (this.#honest.size === 0) this.#honest = new Map(simulation.honest.map((peer) => [peer.id, peer]));
    for (const peer of sampleOf(simulation, 'one record', PEERS_MAX)) {
      const finding = this.#look(peer);
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  #look(peer: SimPeer): Finding {
    const set = peer.machine?.set;
    if (set === undefined) return undefined;
    for (let generation = set.floor + 1; generation <= set.top; generation++) {
      const known = this.#known.get(generation) ?? new Set<string>();
      this.#known.set(generation, known);
      const digest = set.digest(generation);
      if (digest === '' || known.has(digest)) continue;
      known.add(digest);
      for (const record of set.held(generation)) {
        const author = this.#honest.get(record.author);
        const finding = author && this.take(author, record, [author, peer]);
        if (finding !== undefined) return finding;
      }
    }
    this.#forget(set.top - GENERATIONS_MAX);
    return undefined;
  }

  take(author: SimPeer, { id, generation }: DeltaRecord, peers: readonly SimPeer[]): Finding {
    const ids = this.#ids.get(generation) ?? new Map<PeerId, string>();
    this.#ids.set(generation, ids);
    const other = ids.get(author.id);
    ids.set(author.id, id);
    if (other === undefined || other === id) return undefined;
    const text = `an honest author signed two records for generation ${generation}: ${other.slice(0, 12)} and ${id.slice(0, 12)}`;
    return { text, peers };
  }

  #forget(generation: number): void {
    for (const map of [this.#ids, this.#known]) {
      for (const key of map.keys()) if (key < generation) map.delete(key);
    }
  }
}
