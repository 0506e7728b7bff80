// The Learner port's contract in virtual time: bowls, and real training on this thread and on others.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import { firstSamples, openTrainer } from '../../learning/index.ts';
import { decodeLearnerState } from '../../learning/learner-state.ts';
import {
  BowlWork,
  openTrainingPool,
  type RoundWork,
  TrainedRounds,
  type TrainingPool,
} from '../../sim/index.ts';
import { SimLearner } from '../../sim/learners/sim-learner.ts';
import { World } from '../../sim/world.ts';
import { type LearnerWorld, learnerContract, manifest } from '../contracts/learner.ts';
import { blobs } from '../learning/samples.ts';

const { model: spec, codec: codecName, training: settings } = manifest;
const layout = layoutOf(spec);
const codec = codecNamed(codecName) ?? assert.fail('no such codec');

function inVirtualTime(
  work: (isObserver: boolean) => Promise<RoundWork>,
  more: Pick<LearnerWorld, 'residualOf' | 'close'>,
): LearnerWorld {
  const world = new World('learner contract');
  return {
    async open(deliver, isObserver) {
      return new SimLearner({
        world,
        work: await work(isObserver),
        roundMs: () => 20,
        alive: (run) => run,
        deliver,
      });
    },
    pass: async () => {
      await world.runUntil(world.nowMs + 5);
    },
    ...more,
  };
}

learnerContract('a simulated bowl', () => {
  const optimum = new Float32Array(layout.size).fill(1);
  return inVirtualTime(
    async (isObserver) =>
      new BowlWork({ codec, layout, samples: isObserver ? 0 : 100, optimum, rate: 0.2, seed: 'member' }),
    {
      residualOf: (state) => new Float32Array(state.slice().buffer),
      close: async () => undefined,
    },
  );
});

const points = { inputSize: 6, classes: 3, seed: 'points' };
const data = blobs({ ...points, count: 96 });
const shared = { spec, scale: 255, backend: 'wasm' } as const;

for (const threads of [0, 1]) {
  learnerContract(`simulated training ${threads === 0 ? 'on this thread' : 'in a pool'}`, () => {
    let pool: TrainingPool | undefined;
    return inVirtualTime(
      async (isObserver) => {
        if (threads > 0) pool ??= await openTrainingPool({ ...shared, codec: codecName, settings, threads });
        return new TrainedRounds({
          spec,
          codec: codecName,
          settings,
          data: firstSamples(data, isObserver ? 0 : data.count),
          test: blobs({ ...points, count: 30 }),
          seed: 'member',
          trainer: await openTrainer(shared),
          pool,
        });
      },
      {
        residualOf: (state) => decodeLearnerState(state, layout.size).residual,
        close: async () => await pool?.close(),
      },
    );
  });
}
