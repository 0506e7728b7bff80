// The score of a model in a world of bowls, where the best shared model is known: how much of the way there it has gone.
import { initialWeights, layoutOf } from '../../fusion/index.ts';
import { initialSeedOf } from '../../protocols/index.ts';
import { type Bowl, bowlHost, bowlsOf, type SimHost, type Simulation } from '../../sim/index.ts';

/** Work and scores of a simulation whose learner is `bowl`. */
export function bowlMembers(simulation: Simulation): Required<Pick<SimHost, 'work' | 'evaluate'>> {
  const { scenario, manifest, meshId, attackers } = simulation;
  const { size } = layoutOf(manifest.model);
  const bowlOf = bowlsOf(scenario, size);
  // What attackers have to say is no part of the aim.
  const honest = simulation.peers.flatMap((_, peer) => (attackers.has(peer) ? [] : [bowlOf(peer)]));
  const best = meanOf(honest, size);
  const start = initialWeights(manifest.model, initialSeedOf(meshId));
  const whole = distance(start, best);
  return {
    work: bowlHost(scenario).work,
    evaluate: (model) => {
      const left = distance(model, best);
      return { accuracy: Math.max(0, 1 - left / whole), loss: left / (2 * size) };
    },
  };
}

function meanOf(bowls: readonly Bowl[], length: number): Float32Array {
  const sums = new Float64Array(length);
  let total = 0;
  for (const { optimum, samples } of bowls) {
    total += samples;
    for (let i = 0; i < length; i++) sums[i] += samples * optimum[i];
  }
  return Float32Array.from(sums, (sum) => sum / total);
}

/** Squared. */
function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}
