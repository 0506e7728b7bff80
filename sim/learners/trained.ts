// Real training of a simulated member on its own samples: the rounds of real nodes, residual, momentum and all.
import { type DenseSpec, layoutOf } from '../../fusion/index.ts';
import {
  checkLearnerState,
  type Dataset,
  residualIn,
  type Trainer,
  type TrainingSettings,
} from '../../learning/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import { lasting } from '../frozen.ts';
import { trainOneRound } from './one-round.ts';
import type { TrainingPool } from './training-pool.ts';
import type { RoundDue, RoundSeen, RoundWork, TrainedWork } from './work.ts';

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
  onTrained?: (round: RoundSeen) => void;
  readonly #options: TrainedOptions;
  /** What the next round goes on from. */
  #state: Uint8Array | undefined;

  constructor(options: TrainedOptions) {
    this.#options = options;
    this.samples = options.data.count;
  }

  async train(job: TrainJob, due?: RoundDue): Promise<TrainedWork> {
    const { pool, trainer, data, seed } = this.#options;
    const { generation, takeBack } = job;
    const isWatched = this.onTrained !== undefined;
    const round = { generation, takeBack, model: job.model, data, seed, state: this.#state, isWatched };
    // The machine goes on while this works, and may move its model; a pool copies by itself.
    const { delta, ...trained } =
      pool === undefined
        ? await trainOneRound(trainer, this.#options, { ...round, model: lasting(job.model)() })
        : await pool.train(round, due);
    this.#state = trained.state;
    if (delta !== undefined) this.#tell(delta, trained);
    return trained;
  }

  async evaluate(model: Float32Array): Promise<{ readonly accuracy: number; readonly loss: number }> {
    const { test, trainer } = this.#options;
    return test === undefined ? { accuracy: 0, loss: 0 } : trainer.evaluate(model, test);
  }

  #tell(delta: Float32Array, { state, payload }: TrainedWork): void {
    // The memory of a state serves another round one day.
    this.onTrained?.({ delta, residual: residualIn(state, delta.length).slice(), payload });
  }

  /** A damaged state is passed over, as real nodes do: it costs the residual, not the member. */
  restore(state: Uint8Array): void {
    const fault = checkLearnerState(state, layoutOf(this.#options.spec).size);
    if (fault === undefined) this.#state = state.slice();
  }
}
