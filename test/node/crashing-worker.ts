// A learning worker for tests: like the real one, except that generation 13 ends the thread and 14 throws outside
// of any answer.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { createLearnerRounds, openBuiltInTrainer } from '../../learning/learner-rounds.ts';
import type { LearnerRequest } from '../../learning/worker-messages.ts';

assert(parentPort !== null);
const port = parentPort;
const trainer = await openBuiltInTrainer(workerData);
const rounds = createLearnerRounds({ ...workerData, trainer });
let last: Promise<unknown> = Promise.resolve();
port.on('message', (request: LearnerRequest) => {
  if (request.kind === 'train' && request.generation === 13) process.exit(7);
  if (request.kind === 'train' && request.generation === 14) throw new Error('struck by lightning');
  last = last.then(async () => {
    const answer = await rounds.answer(request);
    if (answer !== undefined) port.postMessage(answer);
  });
});
const { backend, notes } = trainer;
port.postMessage({ kind: 'ready', backend, notes, samples: workerData.data.count, evaluates: true });
