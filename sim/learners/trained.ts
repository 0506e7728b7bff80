// Real training of a simulated member on its own samples: the rounds of real nodes, residual, momentum and all.

import type { DenseSpec } from '../../fusion/index.ts';
import {
  createLearnerRounds,
  type Dataset,
  LearningError,
  type Trainer,
  type TrainingSettings,
} from '../../learning/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import type { RoundWork, TrainedWork } from './work.ts';

export interface TrainedOptions {
  readonly spec: DenseSpec;
  readonly codec: string;
  readonly settings: TrainingSettings;
  readonly data: Dataset;
  readonly test: Dataset | undefined;
  readonly seed: string;
  /** May serve many members: between calls it keeps nothing of them. */
  readonly trainer: Trainer;
}

export class TrainedRounds implements RoundWork {
  readonly samples: number;
  readonly #options: TrainedOptions;
  readonly #rounds: ReturnType<typeof createLearnerRounds>;

  constructor(options: TrainedOptions) {
    const { spec, codec, settings, data, test, seed, trainer } = options;
    this.#options = options;
    this.samples = data.count;
    this.#rounds = createLearnerRounds({
      spec,
      codec,
      seed,
      trainer: {
        train: ({ weights, velocity, random }) =>
          trainer.train({ weights, velocity, data, settings, random }),
        evaluate: (weights) => {
          if (test === undefined)
            throw new LearningError('MELDMESH_LEARNING_WORKER', 'there is no test data');
          return trainer.evaluate(weights, test);
        },
      },
    });
  }

  async train(job: TrainJob): Promise<TrainedWork> {
    // The machine goes on while this works, and may move its model.
    const answer = await this.#rounds.answer({ kind: 'train', ...job, model: job.model.slice() });
    if (answer?.kind !== 'trained') throw new Error('a training is answered by its result');
    const { payload, state, loss, steps } = answer;
    return { payload, state, loss, steps };
  }

  async evaluate(model: Float32Array): Promise<{ readonly accuracy: number; readonly loss: number }> {
    const { test, trainer } = this.#options;
    return test === undefined ? { accuracy: 0, loss: 0 } : trainer.evaluate(model, test);
  }

  restore(state: Uint8Array): void {
    void this.#rounds.answer({ kind: 'restore', state });
  }
}
