// Ten peers learn digits while some of them keep generations back and publish them at once: how far the others fall.
import assert from 'node:assert/strict';
import { openSimulation } from '../../cli/sim/host.ts';
import { openTrainer } from '../../learning/index.ts';
import { loadMnist } from '../../node/index.ts';
import { parseScenario, presetNamed } from '../../sim/index.ts';
import { type Falls, watchFalls } from './falls.ts';

export interface WithheldDigits {
  readonly seed: string;
  /** Who keeps back. */
  readonly liars: readonly number[];
  /** Generations that they keep back. */
  readonly strength: number;
  readonly generations: number;
  /** As in a manifest: `mlp:256`. */
  readonly model: string;
}

/** From the fifth generation on; scores are shares of the 10,000 test digits. */
export async function withheldDigits(options: WithheldDigits): Promise<Falls> {
  const { seed, liars, strength, generations, model } = options;
  const parsed = parseScenario({
    ...presetNamed('clean')?.scenario({ peers: 10, generations }),
    seed,
    manifest: { model, data: { inputs: 784, classes: 10, scale: 255 } },
    attackers:
      liars.length === 0 ? [] : [{ kind: 'withhold', peers: [...liars], fromGeneration: 5, strength }],
  });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const { simulation, close } = await openSimulation(parsed.scenario, { threads: 2 });
  const { test } = loadMnist({ samples: 1 });
  const trainer = await openTrainer({
    spec: simulation.manifest.model,
    scale: 255,
    backend: 'wasm',
    threads: 1,
  });
  const falls = watchFalls(simulation, (weights) => trainer.evaluate(weights, test).accuracy);
  const result = await simulation.run();
  await close();
  assert(result.violation === undefined, result.violation?.text);
  assert(result.agreed, `${liars.length} liars, ${strength} kept back, seed ${seed}`);
  return falls;
}
