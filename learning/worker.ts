// The learning worker's entry, for built-in training. Hosts start it from `learnerWorkerUrl`; it says
// `ready` once and then answers.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { serveLearner } from './learner-mailbox.ts';
import type { LearnerInit } from './worker-messages.ts';

assert(parentPort !== null, 'this file is the entry of a worker thread');
const init: LearnerInit = workerData;
await serveLearner(parentPort, async () => {
  // Not at the top of the file: what cannot be loaded must still be answered with a sentence.
  const { createLearnerRounds, openBuiltInTrainer } = await import('./learner-rounds.ts');
  const trainer = await openBuiltInTrainer(init);
  const { backend, notes } = trainer;
  return {
    rounds: createLearnerRounds({ ...init, trainer }),
    ready: { backend, notes, samples: init.data?.count ?? 0, evaluates: init.test !== undefined },
  };
});
