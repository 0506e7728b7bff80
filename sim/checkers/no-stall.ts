// Nothing waits longer than a stated patience while honest neighbours are reachable. Whatever a member waits for, its
// training, a quorum, a payload, its disk, shows in its generation.
import type { SimPeer } from '../peer.ts';
import type { Scenario } from '../scenario.ts';
import type { SimulationView } from '../view.ts';
import type { Checker, Finding } from './checker.ts';
import { isOnFullDisk, isTornApart, reachablePeers } from './reachable.ts';

/** Rounds of the slowest member that may pass in any case. */
const ROUNDS_MAX = 4;

interface Standing {
  readonly machine: SimPeer['machine'];
  readonly generation: number;
  readonly digest: string | undefined;
  sinceMs: number;
}

export function noStall(): Checker {
  const standings = new Map<SimPeer, Standing>();
  return {
    name: 'nobody waits for ever',
    check: (simulation) => {
      const { honest, world, scenario } = simulation;
      const isExcused = isTornApart(simulation);
      const allowedMs = allowedOf(scenario);
      let reachable: ReadonlySet<SimPeer> | undefined;
      for (const peer of honest) {
        const standing = standingOf(standings, peer, world.nowMs);
        if (isExcused || peer.generation >= scenario.end.generations) standing.sinceMs = world.nowMs;
        if (world.nowMs - standing.sinceMs <= allowedMs / 2) continue;
        // Looked at late only, for it costs a walk over all links.
        reachable ??= reachablePeers(simulation);
        const finding = judge(simulation, { peer, standing, reachable, allowedMs });
        if (finding !== undefined) return finding;
      }
      return undefined;
    },
  };
}

function standingOf(standings: Map<SimPeer, Standing>, peer: SimPeer, nowMs: number): Standing {
  const { machine, generation, digest } = peer;
  const known = standings.get(peer);
  if (
    machine !== undefined &&
    known?.machine === machine &&
    known.generation === generation &&
    known.digest === digest
  )
    return known;
  const standing = { machine, generation, digest, sinceMs: nowMs };
  standings.set(peer, standing);
  return standing;
}

function judge(
  simulation: SimulationView,
  at: {
    readonly peer: SimPeer;
    readonly standing: Standing;
    readonly reachable: ReadonlySet<SimPeer>;
    readonly allowedMs: number;
  },
): Finding {
  const { peer, standing, reachable, allowedMs } = at;
  const { nowMs } = simulation.world;
  if (!reachable.has(peer) || isOnFullDisk(simulation, peer)) standing.sinceMs = nowMs;
  const waitedMs = nowMs - standing.sinceMs;
  if (waitedMs <= allowedMs) return undefined;
  const text = `a peer has stood at generation ${standing.generation} for ${Math.round(waitedMs / 1_000)} s with honest neighbours`;
  return { text, peers: [peer] };
}

function allowedOf({ checks, compute }: Scenario): number {
  const slowest = (compute.slowShare > 0 ? compute.slowFactor : 1) / Math.min(1, compute.speed[0]);
  return checks.patienceMs + ROUNDS_MAX * compute.roundMs * slowest;
}
