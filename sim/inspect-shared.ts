// One look at each message for all simulated peers: gossip hands the same bytes from peer to peer, and what they say is the
// same for everybody. Kept for as long as somebody holds the bytes. And one memory of the authors' ranks.
import { type Inspect, type Inspection, inspectDelta, type RankOf } from '../protocols/index.ts';

export function sharedInspect(): Inspect {
  const known = new WeakMap<Uint8Array, Inspection>();
  return (bytes, parts) => {
    let inspection = known.get(bytes);
    if (inspection === undefined) {
      inspection = inspectDelta(bytes, parts);
      known.set(bytes, inspection);
    }
    return inspection;
  };
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
