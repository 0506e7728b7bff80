// The troubles of a scenario, put on the calendar of its world. Every fault draws from a stream of its own, so that one
// more or less does not change the others.
import type { Random } from '../fusion/index.ts';
import type { SimPeer } from './peer.ts';
import type { Fault } from './scenario.ts';
import type { SimulationView } from './view.ts';
import type { World } from './world.ts';

/** When the last fault is over; from then on the world is quiet. */
export function quietFromMs(faults: readonly Fault[]): number {
  return Math.max(0, ...faults.map(endOf));
}

function endOf(fault: Fault): number {
  switch (fault.kind) {
    case 'cut':
    case 'churn':
    case 'offline':
      return fault.untilMs;
    case 'kill':
      return fault.restartMs ?? fault.atMs;
    case 'damage':
      return fault.restartMs;
    case 'join':
      return fault.atMs;
    case 'full-disk':
      return fault.untilMs ?? 0;
    case 'crash-at-write':
      return 0;
  }
}

/** Peers that are not there from the beginning. */
export function latecomers(faults: readonly Fault[]): ReadonlySet<number> {
  const late = new Set<number>();
  for (const fault of faults) {
    if (fault.kind === 'join') for (let peer = fault.from; peer <= fault.to; peer++) late.add(peer);
  }
  return late;
}

/** Peers whose disk stays full. */
export function peersWithoutRoom(faults: readonly Fault[]): ReadonlySet<number> {
  const full = new Set<number>();
  for (const fault of faults) {
    if (fault.kind === 'full-disk' && fault.untilMs === undefined) full.add(fault.peer);
  }
  return full;
}

/** Peers that are killed and never come back. */
export function peersGone(faults: readonly Fault[]): ReadonlySet<number> {
  const gone = new Set<number>();
  for (const fault of faults) {
    if (fault.kind === 'kill' && fault.restartMs === undefined) gone.add(fault.peer);
  }
  return gone;
}

export function scheduleFaults(simulation: SimulationView): void {
  for (const [i, fault] of simulation.scenario.faults.entries()) {
    schedule(simulation, fault, simulation.world.random.fork(`fault ${i} ${fault.kind}`));
  }
}

function schedule(simulation: SimulationView, fault: Fault, random: Random): void {
  const { world, peers } = simulation;
  switch (fault.kind) {
    case 'cut':
      cut(simulation, fault);
      break;
    case 'kill':
      kill({ world, peer: peers[fault.peer] }, fault, random);
      break;
    case 'churn':
      churn(simulation, fault, random);
      break;
    case 'offline':
      for (const peer of peers) comeAndGo({ world, peer }, fault, random.fork(peer.id));
      break;
    case 'join':
      world.after(fault.atMs, () => {
        for (let peer = fault.from; peer <= fault.to; peer++) peers[peer].start();
      });
      break;
    case 'full-disk':
      fillDisk(world, peers[fault.peer], fault);
      break;
    case 'damage':
      damageDisk({ world, peer: peers[fault.peer] }, fault, random);
      break;
    case 'crash-at-write':
      cutPower({ world, peer: peers[fault.peer] }, fault, random);
      break;
  }
}

type FaultOf<K extends Fault['kind']> = Extract<Fault, { kind: K }>;

interface Sufferer {
  readonly world: World;
  readonly peer: SimPeer;
}

const between = (random: Random, [low, high]: readonly [number, number]): number =>
  low + random.float() * (high - low);

function cut({ world, peers, network }: SimulationView, fault: FaultOf<'cut'>): void {
  const sides = fault.groups.flatMap((group, side) => group.map((peer) => [peers[peer].id, side] as const));
  const sideOf = new Map(sides);
  world.after(fault.fromMs, () => network.cut((id) => sideOf.get(id) ?? 0));
  world.after(fault.untilMs, () => network.cut(() => 0));
}

function kill({ world, peer }: Sufferer, { atMs, restartMs }: FaultOf<'kill'>, random: Random): void {
  world.after(atMs, () => {
    peer.kill(random.below(4));
    if (restartMs === undefined) peer.retire();
  });
  if (restartMs !== undefined) world.after(restartMs, () => peer.start());
}

function churn({ world, peers }: SimulationView, fault: FaultOf<'churn'>, random: Random): void {
  const next = (): void => {
    if (world.nowMs >= fault.untilMs) return;
    const peer = peers[random.below(peers.length)];
    peer.kill(random.below(4));
    world.after(between(random, fault.everyMs), () => peer.start());
    world.after(between(random, fault.everyMs), next);
  };
  world.after(fault.fromMs, next);
}

function comeAndGo({ world, peer }: Sufferer, fault: FaultOf<'offline'>, random: Random): void {
  const spellMs = (): number => between(random, fault.spellMs);
  const goOffline = (): void => {
    if (world.nowMs >= fault.untilMs) return;
    peer.kill();
    world.after(2 * fault.share * spellMs(), () => {
      peer.start();
      world.after(2 * (1 - fault.share) * spellMs(), goOffline);
    });
  };
  world.after(fault.fromMs + random.float() * 2 * fault.spellMs[1], goOffline);
}

function fillDisk(world: World, peer: SimPeer, { bytes, untilMs }: FaultOf<'full-disk'>): void {
  peer.disk.limit(bytes);
  if (untilMs === undefined) return;
  // Somebody makes room, and starts again what could not go on.
  world.after(untilMs, () => {
    peer.disk.limit(Number.POSITIVE_INFINITY);
    if (!peer.disk.isFull || !peer.isAlive) return;
    peer.kill();
    peer.start();
  });
}

function cutPower({ world, peer }: Sufferer, fault: FaultOf<'crash-at-write'>, random: Random): void {
  peer.disk.cutPowerAt(fault.write, (unsyncedBatches) => {
    peer.kill(random.below(unsyncedBatches + 1));
    world.after(fault.restartMs, () => peer.start());
  });
}

function damageDisk({ world, peer }: Sufferer, fault: FaultOf<'damage'>, random: Random): void {
  world.after(fault.atMs, () => {
    peer.kill();
    const keys = [...peer.disk.entries]
      .filter(([key, value]) => key.startsWith(fault.prefix) && value.length > 0)
      .map(([key]) => key)
      .sort();
    if (keys.length === 0) return;
    const key = keys[random.below(keys.length)];
    world.trace.event(peer.id, 'damage', { text: key });
    peer.disk.damage(key);
  });
  world.after(fault.restartMs, () => peer.start());
}
