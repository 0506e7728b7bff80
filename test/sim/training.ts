// Simulations of members that train for real, on a few made-up samples each.
import assert from 'node:assert/strict';
import { openTrainer } from '../../learning/index.ts';
import {
  openTrainingPool,
  parseScenario,
  type ScenarioInput,
  type SimResult,
  Simulation,
  TrainedRounds,
  type TrainingPool,
} from '../../sim/index.ts';
import { blobs } from '../learning/samples.ts';

const INPUTS = 20;
const CLASSES = 3;

/** A set for each member, of different sizes, and one to test on. */
export const memberData = (peer: number) =>
  blobs({ count: 90 + 17 * peer, inputSize: INPUTS, classes: CLASSES, seed: `shard` });

/** Runs a scenario of real training, on this thread (0) or on so many others; `plant` does something to each life's work. */
export async function runTraining(
  input: ScenarioInput,
  threads = 0,
  plant: (work: TrainedRounds) => void = () => {},
): Promise<SimResult> {
  const parsed = parseScenario({
    learner: { kind: 'train' },
    ...input,
    manifest: {
      model: 'mlp:8',
      data: { inputs: INPUTS, classes: CLASSES, scale: 255 },
      codec: 'top5:8',
      ...input.manifest,
    },
  });
  assert('scenario' in parsed, 'problems' in parsed ? parsed.problems.join('; ') : '');
  const { scenario } = parsed;
  const sets = Array.from({ length: scenario.peers }, (_, peer) => memberData(peer));
  const test = blobs({ count: 300, inputSize: INPUTS, classes: CLASSES, seed: 'shard' });
  let pool: TrainingPool | undefined;
  try {
    const simulation: Simulation = new Simulation(scenario, {
      work: (peer, { manifest, seed }) => {
        const work = new TrainedRounds({
          spec: manifest.model,
          codec: manifest.codec,
          settings: manifest.training,
          data: sets[peer],
          test: undefined,
          seed,
          trainer,
          pool,
        });
        plant(work);
        return work;
      },
      evaluate: (model) => trainer.evaluate(model, test),
    });
    const { model: spec, data, codec, training: settings } = simulation.manifest;
    const shared = { spec, scale: data.scale, backend: 'wasm' as const };
    const trainer = await openTrainer(shared);
    if (threads > 0) pool = await openTrainingPool({ ...shared, codec, settings, threads });
    return await simulation.run();
  } finally {
    await pool?.close();
  }
}
