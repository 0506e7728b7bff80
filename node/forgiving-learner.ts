// A learner that goes on without its past: a damaged state on disk costs the optimiser and the residual, not the node.
import type { StartedLearner } from './learner-host.ts';

/** The same learner, but `restore` tells what is wrong with a state and never throws. */
export function forgiving(learner: StartedLearner, lost: (text: string) => void): StartedLearner {
  return {
    samples: learner.samples,
    backend: learner.backend,
    evaluates: learner.evaluates,
    notes: learner.notes,
    train: (job) => learner.train(job),
    evaluate: (model, ticket) => learner.evaluate(model, ticket),
    restore: (state) => {
      try {
        learner.restore(state);
      } catch (error) {
        lost(error instanceof Error ? error.message : String(error));
      }
    },
    stop: () => learner.stop(),
  };
}
