// The Learner port's contract, on a node's learner in its worker, on a few points: our WebAssembly, and
// libtensorflow where that is installed.
import { setTimeout as sleep } from 'node:timers/promises';
import { layoutOf } from '../../fusion/index.ts';
import { decodeLearnerState } from '../../learning/learner-state.ts';
import { type StartedLearner, startLearner } from '../../node/learner-host.ts';
import { learnerContract, manifest } from '../contracts/learner.ts';
import { nodeBackend } from '../learning/node-backend.ts';
import { blobs } from '../learning/samples.ts';

const points = { inputSize: 6, classes: 3, seed: 'points' };
const parameters = layoutOf(manifest.model).size;

for (const backend of ['wasm', ...nodeBackend] as const) {
  learnerContract(`in a worker, with ${backend}`, () => {
    const opened: StartedLearner[] = [];
    return {
      async open(deliver, isObserver) {
        const learner = await startLearner({
          manifest,
          data: isObserver ? undefined : blobs({ ...points, count: 96 }),
          test: blobs({ ...points, count: 30 }),
          backend,
          threads: 1,
          seed: 'member',
          deliver,
        });
        opened.push(learner);
        return learner;
      },
      residualOf: (state) => decodeLearnerState(state, parameters).residual,
      pass: () => sleep(5),
      async close() {
        for (const learner of opened) await learner.stop();
      },
    };
  });
}
