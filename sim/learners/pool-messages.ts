// What a pool and its training threads say to one another. A round carries everything that it depends on: the thread
// that does it knows nothing else.
import type { DenseSpec } from '../../fusion/index.ts';
import type { BackendChoice, Dataset, LearningErrorCode, TrainingSettings } from '../../learning/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import type { TrainedWork } from './work.ts';

/** What is the same for all rounds. */
export interface PoolSettings {
  readonly spec: DenseSpec;
  readonly codec: string;
  readonly settings: TrainingSettings;
  /** Raw values are divided by this. */
  readonly scale: number;
  readonly backend: BackendChoice;
}

export interface PoolRound extends Omit<TrainJob, 'ticket'> {
  /** The member's own samples, in shared memory. */
  readonly data: Dataset;
  /** The member's, of batch order and stochastic rounding. */
  readonly seed: string;
  /** What the last round left; absent before the first one. */
  readonly state: Uint8Array | undefined;
}

export interface PoolRequest {
  readonly ticket: number;
  readonly round: PoolRound;
}

export type PoolAnswer =
  | {
      readonly ticket: number;
      readonly trained: TrainedWork;
    }
  | { readonly ticket: number; readonly code: LearningErrorCode; readonly error: string };
