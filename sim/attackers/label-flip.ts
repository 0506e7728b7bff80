// Trains honestly, on samples with false labels.
import type { RoundWork } from '../learners/work.ts';
import type { AttackContext, AttackerKind } from './attacker.ts';

export const labelFlip: AttackerKind = {
  name: 'label-flip',
  about:
    'trains on its samples with class c called classes − 1 − c; a bowl has its optimum mirrored. The mean does not withstand it, but its harm is bounded by its share of the samples',
  work: (work, context) => mixedWork(work, context),
};

/** Honest until the context's generation; then another learner with a residual of its own goes on. */
function mixedWork(work: RoundWork, { falseWork, fromGeneration }: AttackContext): RoundWork {
  const other = falseWork();
  return {
    samples: work.samples,
    train: (job) => (job.generation < fromGeneration ? work : other).train(job),
    evaluate: (model) => work.evaluate(model),
    restore: (state) => {
      work.restore(state);
      other.restore(state);
    },
  };
}
