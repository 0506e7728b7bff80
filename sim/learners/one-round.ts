// One round of real training as a function of what it is given, for this thread and for others.
import assert from 'node:assert/strict';
import { createLearnerRounds, type Trainer } from '../../learning/index.ts';
import type { PoolRound, PoolSettings } from './pool-messages.ts';
import type { TrainedWork } from './work.ts';

/** Rejects with the LearningError of a training that fails. Keeps nothing; the state is fresh memory. */
export async function trainOneRound(
  trainer: Trainer,
  { spec, codec, settings }: Pick<PoolSettings, 'spec' | 'codec' | 'settings'>,
  round: PoolRound,
): Promise<TrainedWork> {
  const { data, seed, state, model, generation, takeBack } = round;
  const rounds = createLearnerRounds({
    spec,
    codec,
    seed,
    trainer: {
      train: ({ weights, velocity, random }) => trainer.train({ weights, velocity, data, settings, random }),
      evaluate: () => assert.fail('a round only trains'),
    },
  });
  if (state !== undefined) await rounds.answer({ kind: 'restore', state });
  const trained = await rounds.answer({ kind: 'train', ticket: 0, model, generation, takeBack });
  assert(trained?.kind === 'trained', 'a training is answered by its result');
  const { payload, state: next, loss, steps } = trained;
  // The payload may be a view into something larger.
  return { payload: payload.slice(), state: next, loss, steps };
}
