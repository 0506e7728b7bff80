// A learning worker for tests: like the real one, except that generation 13 ends the thread and 14 throws outside
// of any answer.
import { parentPort, workerData } from 'node:worker_threads';
import { createLearnerRounds } from '../../learning/learner-rounds.ts';
import type { LearnerRequest } from '../../learning/worker-messages.ts';

const rounds = await createLearnerRounds(workerData);
parentPort?.on('message', (request: LearnerRequest) => {
  if (request.kind === 'train' && request.generation === 13) process.exit(7);
  if (request.kind === 'train' && request.generation === 14) throw new Error('struck by lightning');
  const answer = rounds.answer(request);
  if (answer !== undefined) parentPort?.postMessage(answer);
});
parentPort?.postMessage({ kind: 'ready', backend: rounds.trainer.backend, notes: rounds.trainer.notes });
