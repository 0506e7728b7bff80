// Entry of a training thread: it opens one trainer and then does whatever rounds come, one after the other. It keeps
// nothing of any member, so it does not matter which thread does which round.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { LearningError, openTrainer } from '../../learning/index.ts';
import { hashOf } from '../hash.ts';
import { trainOneRound } from './one-round.ts';
import { type PoolAnswer, type PoolRequest, partsOf, type ThreadSettings } from './pool-messages.ts';

assert(parentPort !== null, 'this file is the entry of a worker thread');
const port = parentPort;
const settings: ThreadSettings = workerData;
const trainer = await openTrainer({ spec: settings.spec, scale: settings.scale, backend: settings.backend });
const weights = new Float32Array(trainer.layout.size);

async function answer({ ticket, round, memory }: PoolRequest): Promise<PoolAnswer> {
  try {
    const { state, ...trained } = await trainOneRound(trainer, settings, round, { state: memory, weights });
    return { ticket, trained, hashes: partsOf(state, settings.hashedBytes).map((part) => hashOf(part)) };
  } catch (error) {
    // Anything else is our own mistake and ends this thread, and the run with it.
    if (!(error instanceof LearningError)) throw error;
    return { ticket, code: error.code, error: error.message };
  }
}

let last = Promise.resolve();
port.on('message', (request: PoolRequest) => {
  last = last.then(async () => {
    const reply = await answer(request);
    const delta = 'trained' in reply ? reply.trained.delta : undefined;
    port.postMessage(reply, delta === undefined ? [] : [delta.buffer as ArrayBuffer]);
  });
});
port.postMessage('ready');
