// Runs scenarios whose members have bowls for learners: no data, no training, only the protocols.
import assert from 'node:assert/strict';
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { BowlWork, parseScenario, type ScenarioInput, type SimResult, Simulation } from '../../sim/index.ts';

/** A small model and a codec that leaves something out. */
const MANIFEST = { model: 'mlp:3', data: { inputs: 4, classes: 2 }, codec: 'top20:8' };

/** The loss of a model is half the mean square of its distance from the mean of the honest optima. */
export function bowlSimulation(input: ScenarioInput): Simulation {
  const parsed = parseScenario({ ...input, manifest: { ...MANIFEST, ...input.manifest } });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const { scenario } = parsed;
  const samplesOf = (peer: number): number => 100 + 10 * peer;
  const simulation: Simulation = new Simulation(scenario, {
    work: (peer, { manifest, seed, hasFalseLabels }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
      const honest = optimumOf(seed, layout.size);
      const optimum = hasFalseLabels ? honest.map((value) => -value) : honest;
      return new BowlWork({ codec, layout, samples: samplesOf(peer), optimum, rate: 0.2, seed });
    },
    evaluate: (model) => {
      const peers = simulation.honest.map((peer) => simulation.numberOf(peer));
      const total = peers.reduce((sum, peer) => sum + samplesOf(peer), 0);
      const optima = peers.map((peer) => optimumOf(`${scenario.seed} ${peer}`, model.length));
      let loss = 0;
      for (let i = 0; i < model.length; i++) {
        const best = peers.reduce((sum, peer, at) => sum + (samplesOf(peer) / total) * optima[at][i], 0);
        loss += (model[i] - best) ** 2 / (2 * model.length);
      }
      return { accuracy: 0, loss };
    },
  });
  return simulation;
}

export async function runBowls(input: ScenarioInput): Promise<SimResult> {
  return await bowlSimulation(input).run();
}

/** `seed` is the member's own. */
function optimumOf(seed: string, size: number): Float32Array {
  const random = createRandom(`${seed} optimum`);
  return Float32Array.from({ length: size }, () => 2 * random.float() - 1);
}
