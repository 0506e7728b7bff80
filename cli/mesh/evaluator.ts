// Evaluates models on the 10,000 test digits of MNIST, in a worker thread, one after the other.
import { type BackendChoice, LearningError } from '../../learning/index.ts';
import { loadMnist, startLearner } from '../../node/index.ts';
import type { Manifest } from '../../protocols/index.ts';
import type { Score } from './scores.ts';

export interface Evaluator {
  /** Flat float32 in tensor order. */
  evaluate(weights: Float32Array): Promise<Score>;
  close(): Promise<void>;
}

/**
 * Starts the worker.
 * @throws LearningError when its backend does not start
 */
export async function startEvaluator(manifest: Manifest, backend: BackendChoice): Promise<Evaluator> {
  const waiting = new Map<number, { resolve(score: Score): void; reject(error: Error): void }>();
  const learner = await startLearner({
    manifest,
    data: undefined,
    test: loadMnist({ samples: 1 }).test,
    backend,
    threads: 1,
    seed: 'evaluation only',
    deliver: (event) => {
      if (event.kind !== 'evaluated' && event.kind !== 'failed') return;
      const question = waiting.get(event.ticket);
      waiting.delete(event.ticket);
      if (event.kind === 'evaluated') question?.resolve({ accuracy: event.accuracy, loss: event.loss });
      else question?.reject(new LearningError('MELDMESH_LEARNING_WORKER', event.error));
    },
  });
  let nextTicket = 1;
  return {
    evaluate: (weights) =>
      new Promise((resolve, reject) => {
        const ticket = nextTicket;
        nextTicket += 1;
        waiting.set(ticket, { resolve, reject });
        learner.evaluate(weights, ticket);
      }),
    close: () => learner.stop(),
  };
}
