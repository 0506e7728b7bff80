// The learning worker's entry. Hosts start it from `learnerWorkerUrl`; it says `ready` once and then answers one
// request after the other, in order, each to its end.
import assert from 'node:assert/strict';
import { parentPort, workerData } from 'node:worker_threads';
import { LearningError } from './errors.ts';
import type { LearnerRounds } from './learner-rounds.ts';
import type { LearnerAnswer, LearnerInit, LearnerRequest } from './worker-messages.ts';

assert(parentPort !== null, 'this file is the entry of a worker thread');
const port = parentPort;

function send(answer: LearnerAnswer): void {
  // The payload may be a view into something larger, so only the state is handed over without a copy.
  port.postMessage(answer, answer.kind === 'trained' ? [answer.state.buffer as ArrayBuffer] : []);
}

function failed(error: unknown, ticket: number | undefined): LearnerAnswer {
  const code = error instanceof LearningError ? error.code : 'MELDMESH_LEARNING_WORKER';
  return { kind: 'failed', ticket, code, error: error instanceof Error ? error.message : String(error) };
}

function answer(rounds: LearnerRounds, request: LearnerRequest): LearnerAnswer | undefined {
  try {
    return rounds.answer(request);
  } catch (error) {
    return failed(error, request.kind === 'restore' ? undefined : request.ticket);
  }
}

async function main(init: LearnerInit): Promise<void> {
  let rounds: LearnerRounds;
  try {
    // Not at the top of the file: what cannot be loaded must still be answered with a sentence.
    const { createLearnerRounds } = await import('./learner-rounds.ts');
    rounds = await createLearnerRounds(init);
  } catch (error) {
    send(failed(error, undefined));
    return;
  }
  const { backend, notes } = rounds.trainer;
  port.on('message', (request: LearnerRequest) => {
    const reply = answer(rounds, request);
    if (reply !== undefined) send(reply);
  });
  send({ kind: 'ready', backend, notes });
}

await main(workerData);
