// The entry of the thread that speaks with an external trainer: reading, comparing and compressing megabytes is done
// here, and never holds up libp2p. The requests are those of every learner.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { createLearnerRounds, openTrainer, serveLearner, type Trainer } from '../../learning/index.ts';
import { ExternalTrainer } from './external-trainer.ts';
import type { TrainerWorkerInit } from './trainer-init.ts';

assert(parentPort !== null, 'this file is the entry of a worker thread');
const port = parentPort;
const init: TrainerWorkerInit = workerData;
let builtIn: Promise<Trainer> | undefined;

await serveLearner(port, async () => {
  const trainer = new ExternalTrainer(init, {
    notice: (code, text) => port.postMessage({ kind: 'notice', code, text }),
    evaluate: async (weights) => {
      assert(init.test !== undefined);
      // Loaded only where it is needed.
      builtIn ??= openTrainer(init);
      return (await builtIn).evaluate(weights, init.test);
    },
  });
  try {
    const { name, samples, evaluates } = await trainer.open();
    return {
      rounds: createLearnerRounds({ ...init, trainer }),
      ready: { backend: name, notes: [], samples, evaluates: evaluates || init.test !== undefined },
      stop: () => trainer.stop(),
    };
  } catch (error) {
    await trainer.stop();
    throw error;
  }
});
