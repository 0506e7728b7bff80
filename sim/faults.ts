// The troubles of a scenario, put on the calendar of its world. Every fault draws from a stream of its own, so that one
// more or less does not change the others.
import type { Fault } from './scenario.ts';
import type { SimulationView } from './view.ts';

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
    case 'join':
      return fault.atMs;
    case 'full-disk':
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

export function scheduleFaults(simulation: SimulationView): void {
  for (const [i, fault] of simulation.scenario.faults.entries()) schedule(simulation, fault, i);
}

function schedule(simulation: SimulationView, fault: Fault, index: number): void {
  const { world, peers, network } = simulation;
  const random = world.random.fork(`fault ${index} ${fault.kind}`);
  const between = ([low, high]: readonly [number, number]): number => low + random.float() * (high - low);
  switch (fault.kind) {
    case 'cut': {
      const groupOf = new Map(
        fault.groups.flatMap((group, side) => group.map((peer) => [peers[peer].id, side])),
      );
      world.after(fault.fromMs, () => network.cut((id) => groupOf.get(id) ?? 0));
      world.after(fault.untilMs, () => network.cut(() => 0));
      break;
    }
    case 'kill':
      world.after(fault.atMs, () => peers[fault.peer].kill(random.below(4)));
      if (fault.restartMs !== undefined) world.after(fault.restartMs, () => peers[fault.peer].start());
      break;
    case 'churn': {
      const next = (): void => {
        if (world.nowMs >= fault.untilMs) return;
        const peer = peers[random.below(peers.length)];
        peer.kill(random.below(4));
        world.after(between(fault.everyMs), () => peer.start());
        world.after(between(fault.everyMs), next);
      };
      world.after(fault.fromMs, next);
      break;
    }
    case 'offline':
      for (const peer of peers) {
        const own = random.fork(peer.id);
        const spell = (): number => fault.spellMs[0] + own.float() * (fault.spellMs[1] - fault.spellMs[0]);
        const goOffline = (): void => {
          if (world.nowMs >= fault.untilMs) return;
          peer.kill();
          const goneMs = 2 * fault.share * spell();
          world.after(goneMs, () => {
            peer.start();
            world.after(2 * (1 - fault.share) * spell(), goOffline);
          });
        };
        world.after(fault.fromMs + own.float() * 2 * fault.spellMs[1], goOffline);
      }
      break;
    case 'join':
      world.after(fault.atMs, () => {
        for (let peer = fault.from; peer <= fault.to; peer++) peers[peer].start();
      });
      break;
    case 'full-disk':
    case 'crash-at-write':
      // The disk itself knows.
      break;
  }
}
