// Whom a checker looks at where looking at everybody would cost more than the simulation.
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';

/** At most so many of the honest peers, others at every moment; all where there are no more. */
export function sampleOf(simulation: SimulationView, name: string, countMax: number): readonly SimPeer[] {
  const { honest, world } = simulation;
  if (honest.length <= countMax) return honest;
  const random = world.random.fork(`${name} ${world.nowMs}`);
  const left = [...honest];
  return Array.from({ length: countMax }, () => left.splice(random.below(left.length), 1)[0]);
}
