// The thread's side of the conversation with its host: one request after the other, in order, each to its end. It
// knows nothing of what a request means.
import type { MessagePort } from 'node:worker_threads';
import type { LearnerRounds } from './learner-rounds.ts';
import type { LearnerAnswer, LearnerRequest, ReadyAnswer } from './worker-messages.ts';

export interface OpenedLearner {
  readonly rounds: LearnerRounds;
  readonly ready: Omit<ReadyAnswer, 'kind'>;
  /** Lets go of what would keep the thread alive. */
  stop?(): Promise<void>;
}

/**
 * Says `ready` when the learner is open, or `failed` without a ticket, and then answers. `stop` does not wait for its
 * turn; nothing is answered after it.
 */
export async function serveLearner(port: MessagePort, open: () => Promise<OpenedLearner>): Promise<void> {
  // The payload may be a view into something larger, so only the state is handed over without a copy.
  const send = (answer: LearnerAnswer): void =>
    port.postMessage(answer, answer.kind === 'trained' ? [answer.state.buffer as ArrayBuffer] : []);
  let learner: OpenedLearner;
  try {
    learner = await open();
  } catch (error) {
    send(failed(error, undefined));
    return;
  }
  const answer = async (request: LearnerRequest): Promise<void> => {
    try {
      const reply = await learner.rounds.answer(request);
      if (reply !== undefined) send(reply);
    } catch (error) {
      send(failed(error, request.kind === 'restore' ? undefined : request.ticket));
    }
  };
  let last = Promise.resolve();
  port.on('message', (request: LearnerRequest | { readonly kind: 'stop' }) => {
    if (request.kind !== 'stop') {
      last = last.then(() => answer(request));
      return;
    }
    void (learner.stop?.() ?? Promise.resolve()).finally(() => port.close());
  });
  send({ kind: 'ready', ...learner.ready });
}

function failed(error: unknown, ticket: number | undefined): LearnerAnswer {
  const isCoded = error instanceof Error && 'code' in error && typeof error.code === 'string';
  const code = isCoded ? String(error.code) : 'MELDMESH_LEARNING_WORKER';
  return { kind: 'failed', ticket, code, error: error instanceof Error ? error.message : String(error) };
}
