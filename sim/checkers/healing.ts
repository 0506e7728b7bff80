// After healing, all honest peers reach the same digest: of the history up to the healing they hold the same records
// within `healGenerations` generations, and once all are at the last generation they soon have one model.
import type { SimPeer } from '../peer.ts';
import type { Checker, Finding } from './checker.ts';
import { isOnFullDisk } from './reachable.ts';

/** Exchanges with neighbours in the middle of which a member may be that is far enough ahead … */
const EXCHANGES = 10;
/** … one begins so long after the other … */
const INTERVAL_MS = 2_000;
/** … and each has four ways to get lost, two questions and two answers, which is noticed after so long. */
const WAYS = 4;
const DEADLINE_MS = 5_000;

export function healing(): Checker {
  /** Newest generation at the moment of healing; `undefined` before, and when all have agreed on it. */
  let healed: number | undefined;
  let isWatching = true;
  let dueSinceMs: number | undefined;
  let apartSinceMs: number | undefined;
  return {
    name: 'honest peers agree after healing',
    check: (simulation) => {
      const { world, scenario, quietFromMs } = simulation;
      if (world.nowMs < quietFromMs) return undefined;
      const peers = simulation.honest.filter((peer) => peer.isAlive && !isOnFullDisk(simulation, peer));
      const generations = peers.map(({ generation }) => generation);
      if (isWatching) {
        healed ??= Math.max(0, ...generations);
        const apart = findApart(peers, healed);
        if (apart === undefined) isWatching = false;
        else if (Math.min(...generations) < healed + scenario.checks.healGenerations) dueSinceMs = undefined;
        else dueSinceMs ??= world.nowMs;
        const heard = (1 - scenario.network.loss) ** WAYS;
        const exchangesMs = (EXCHANGES / heard) * (heard * INTERVAL_MS + (1 - heard) * DEADLINE_MS);
        if (apart !== undefined && world.nowMs - (dueSinceMs ?? world.nowMs) > exchangesMs) return apart;
      }
      const isEnd = generations.every((generation) => generation >= scenario.end.generations);
      const other = peers.find((peer) => peer.digest !== peers[0].digest);
      if (!isEnd || other === undefined) apartSinceMs = undefined;
      else apartSinceMs ??= world.nowMs;
      const apartMs = world.nowMs - (apartSinceMs ?? world.nowMs);
      if (other === undefined || apartMs <= scenario.checks.patienceMs) return undefined;
      return {
        text: 'all are at the last generation and do not come to one model',
        peers: [peers[0], other],
      };
    },
  };
}

/** Two who hold different records of a generation up to `last` that both have open. */
function findApart(peers: readonly SimPeer[], last: number): Finding {
  const seen = new Map<number, { readonly digest: string; readonly peer: SimPeer }>();
  for (const peer of peers) {
    const set = peer.machine?.set;
    if (set === undefined) continue;
    for (let generation = set.floor + 1; generation <= last; generation++) {
      const digest = set.digest(generation);
      const other = seen.get(generation);
      if (other === undefined) seen.set(generation, { digest, peer });
      else if (other.digest !== digest) {
        const text = `long after the healing two peers hold different records of generation ${generation}`;
        return { text, peers: [other.peer, peer] };
      }
    }
  }
  return undefined;
}
