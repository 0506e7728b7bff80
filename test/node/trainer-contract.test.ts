// The Learner port's contract, on a node's learner whose training is done by a process: a tiny one in plain JavaScript.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { layoutOf } from '../../fusion/index.ts';
import { decodeLearnerState } from '../../learning/learner-state.ts';
import { type StartedLearner, startLearner } from '../../node/learner-host.ts';
import { learnerContract, manifest } from '../contracts/learner.ts';
import { blobs } from '../learning/samples.ts';
import { temporaryFolder } from './support/processes.ts';
import { tinyTrainer } from './support/trainers.ts';

const points = { inputSize: 6, classes: 3, seed: 'points' };
const parameters = layoutOf(manifest.model).size;

learnerContract('by an external trainer', () => {
  const opened: StartedLearner[] = [];
  const folder = temporaryFolder();
  return {
    async open(deliver, isObserver) {
      const learner = await startLearner({
        manifest,
        data: isObserver ? undefined : blobs({ ...points, count: 96 }),
        test: blobs({ ...points, count: 30 }),
        backend: 'wasm',
        threads: 1,
        seed: 'member',
        trainer: isObserver
          ? undefined
          : {
              command: tinyTrainer,
              folder: join(folder, String(opened.length)),
              samplesMax: 1_000,
            },
        deliver,
      });
      opened.push(learner);
      return learner;
    },
    residualOf: (state) => decodeLearnerState(state, parameters).residual,
    pass: () => sleep(5),
    async close() {
      for (const learner of opened) await learner.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
});
