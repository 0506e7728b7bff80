// The thread of an external trainer for tests: like the real one, except that generation 13 ends it.
import { parentPort } from 'node:worker_threads';
import type { LearnerRequest } from '../../../learning/index.ts';

parentPort?.on('message', (request: LearnerRequest) => {
  if (request.kind === 'train' && request.generation === 13) process.exit(7);
});
await import('../../../node/trainer/worker.ts');
