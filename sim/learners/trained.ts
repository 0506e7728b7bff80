// Real training of a simulated member on its own samples: the rounds of real nodes, residual, momentum and all.
import { type DenseSpec, layoutOf } from '../../fusion/index.ts';
import {
  checkLearnerState,
  type Dataset,
  type Trainer,
  type TrainingSettings,
} from '../../learning/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import { trainOneRound } from './one-round.ts';
import type { TrainingPool } from './training-pool.ts';
import type { RoundWork, TrainedWork } from './work.ts';

export interface TrainedOptions {
  readonly spec: DenseSpec;
  readonly codec: string;
  readonly settings: TrainingSettings;
  /** One object for all lives of a member: a pool shares it with its threads once. */
  readonly data: Dataset;
  readonly test: Dataset | undefined;
  readonly seed: string;
  /** May serve many members: between calls it keeps nothing of them. */
  readonly trainer: Trainer;
  /** Trains on other threads, with the same bits; absent: `trainer` does, on this one. */
  readonly pool?: TrainingPool;
}

export class TrainedRounds implements RoundWork {
  readonly samples: number;
  readonly #options: TrainedOptions;
  /** What the next round goes on from. */
  #state: Uint8Array | undefined;

  constructor(options: TrainedOptions) {
    this.#options = options;
    this.samples = options.data.count;
  }

  async train(job: TrainJob): Promise<TrainedWork> {
    const { pool, trainer, data, seed } = this.#options;
    const round = { ...job, data, seed, state: this.#state };
    // The machine goes on while this works, and may move its model; a pool copies by itself.
    const trained =
      pool === undefined
        ? await trainOneRound(trainer, this.#options, { ...round, model: job.model.slice() })
        : await pool.train(round);
    this.#state = trained.state;
    return trained;
  }

  async evaluate(model: Float32Array): Promise<{ readonly accuracy: number; readonly loss: number }> {
    const { test, trainer } = this.#options;
    return test === undefined ? { accuracy: 0, loss: 0 } : trainer.evaluate(model, test);
  }

  /** A damaged state is passed over, as real nodes do: it costs the residual, not the member. */
  restore(state: Uint8Array): void {
    const fault = checkLearnerState(state, layoutOf(this.#options.spec).size);
    if (fault === undefined) this.#state = state.slice();
  }
}
