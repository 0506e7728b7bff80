// Runs scenarios whose members have bowls for learners: no data, no training, only the protocols.
import assert from 'node:assert/strict';
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { BowlWork, parseScenario, type ScenarioInput, type SimResult, Simulation } from '../../sim/index.ts';

/** A small model and a codec that leaves something out. */
const MANIFEST = { model: 'mlp:3', data: { inputs: 4, classes: 2 }, codec: 'top20:8' };

export function bowlSimulation(input: ScenarioInput): Simulation {
  const parsed = parseScenario({ ...input, manifest: { ...MANIFEST, ...input.manifest } });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  return new Simulation(parsed.scenario, {
    work: (peer, { manifest, seed }) => {
      const layout = layoutOf(manifest.model);
      const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
      const random = createRandom(`${seed} optimum`);
      const optimum = Float32Array.from({ length: layout.size }, () => 2 * random.float() - 1);
      return new BowlWork({ codec, layout, samples: 100 + 10 * peer, optimum, rate: 0.2, seed });
    },
  });
}

export async function runBowls(input: ScenarioInput): Promise<SimResult> {
  return await bowlSimulation(input).run();
}
