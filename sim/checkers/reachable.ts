// What a peer can fairly be expected to do: who is cut off, or whose disk is full, does not go on, and that is no fault.
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';

/** It can keep nothing, so it can say nothing. */
export function isOnFullDisk(simulation: SimulationView, peer: SimPeer): boolean {
  const { faults } = simulation.scenario;
  if (!faults.some(({ kind }) => kind === 'full-disk')) return false;
  const number = simulation.numberOf(peer);
  const { nowMs } = simulation.world;
  return faults.some(
    (fault) => fault.kind === 'full-disk' && fault.peer === number && nowMs < (fault.untilMs ?? Infinity),
  );
}

/** A value on its disk was damaged, and it may not yet have fetched anew what it has lost. */
export function isMending(simulation: SimulationView, peer: SimPeer): boolean {
  const { scenario, world } = simulation;
  const { patienceMs } = scenario.checks;
  return scenario.faults.some(
    (fault) =>
      fault.kind === 'damage' &&
      fault.peer === simulation.numberOf(peer) &&
      fault.atMs <= world.nowMs &&
      world.nowMs <= fault.restartMs + patienceMs,
  );
}

/** Halves apart, or most of the mesh away: a member without a quorum waits, and should. */
export function isTornApart({ scenario, world }: SimulationView): boolean {
  return scenario.faults.some(
    (fault) =>
      (fault.kind === 'cut' || fault.kind === 'offline') &&
      fault.fromMs <= world.nowMs &&
      world.nowMs < fault.untilMs,
  );
}

/** Honest peers that are connected to an honest one. */
export function reachablePeers({ network, honest }: SimulationView): ReadonlySet<SimPeer> {
  const byId = new Map<string, SimPeer>(honest.map((peer) => [peer.id, peer]));
  const reachable = new Set<SimPeer>();
  for (const { a, b } of network.links()) {
    const [one, other] = [byId.get(a), byId.get(b)];
    if (one === undefined || other === undefined) continue;
    reachable.add(one);
    reachable.add(other);
  }
  return reachable;
}
