// One look at each message for all simulated peers: gossip hands the same bytes from peer to peer, and what they say is the
// same for everybody. Kept for as long as somebody holds the bytes. And one memory of the authors' ranks.
import { type Inspect, type Inspection, inspectDelta, type RankOf } from '../protocols/index.ts';

export function sharedInspect(): Inspect {
  const known = new WeakMap<Uint8Array, Inspection>();
  const found = new Recent<Inspection>();
  return (bytes, parts) => {
    let inspection = known.get(bytes);
    if (inspection === undefined) {
      // What is pulled comes as bytes of its own each time; its records and votes would be the largest part of the memory.
      const hash = parts.signer.hash(bytes);
      inspection = found.get(hash) ?? inspectDelta(bytes, parts);
      found.set(hash, inspection);
      known.set(bytes, inspection);
    }
    return inspection;
  };
}

/** Remembered of each half: more than some generations of a thousand peers have. */
const RECENT_MAX = 4_096;

/** Values by name, the newest some thousands. */
class Recent<V> {
  #young = new Map<string, V>();
  #old = new Map<string, V>();

  get(name: string): V | undefined {
    return this.#young.get(name) ?? this.#old.get(name);
  }

  set(name: string, value: V): void {
    if (this.#young.size >= RECENT_MAX) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(name, value);
  }
}

/** Generations whose ranks are remembered: those that peers are in, and some. */
const GENERATIONS_MAX = 32;

export function sharedRanks(rankOf: RankOf): RankOf {
  const known = new Map<number, Map<string, ReturnType<RankOf>>>();
  return (generation, author) => {
    let ranks = known.get(generation);
    if (ranks === undefined) {
      ranks = new Map();
      known.set(generation, ranks);
      const [oldest] = known.keys();
      if (known.size > GENERATIONS_MAX) known.delete(oldest);
    }
    let rank = ranks.get(author);
    if (rank === undefined) {
      rank = rankOf(generation, author);
      ranks.set(author, rank);
    }
    return rank;
  };
}
