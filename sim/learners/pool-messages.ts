// What a pool and its training threads say to one another. A round carries everything that it depends on: the thread
// that does it knows nothing else.
import type { DenseSpec } from '../../fusion/index.ts';
import type { BackendChoice, Dataset, LearningErrorCode, TrainingSettings } from '../../learning/index.ts';
import type { Hash, TrainJob } from '../../protocols/index.ts';
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

export interface ThreadSettings extends PoolSettings {
  /** A state is hashed in parts of this size, as a store will. */
  readonly hashedBytes: number;
}

/** Views, the last one perhaps shorter. */
export function partsOf(bytes: Uint8Array, partBytes: number): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += partBytes) parts.push(bytes.subarray(at, at + partBytes));
  return parts;
}

export interface PoolRound extends Omit<TrainJob, 'ticket'> {
  /** Nobody writes to it until the round is over. */
  readonly model: Float32Array;
  /** The member's own samples, in shared memory. */
  readonly data: Dataset;
  /** The member's, of batch order and stochastic rounding. */
  readonly seed: string;
  /** What the last round left; absent before the first one. */
  readonly state: Uint8Array | undefined;
  /** Somebody wants to see what was trained. */
  readonly isWatched?: boolean;
}

export interface PoolTrained extends TrainedWork {
  /** Local weights minus the shared model, fresh memory; there when the round is watched. */
  readonly delta?: Float32Array;
}

export interface PoolRequest {
  readonly ticket: number;
  readonly round: PoolRound;
  /** Shared memory for the state after the round. */
  readonly memory: Uint8Array<SharedArrayBuffer>;
}

export type PoolAnswer =
  | {
      readonly ticket: number;
      /** The state lies in the memory that came with the request. */
      readonly trained: Omit<PoolTrained, 'state'>;
      /** SHA-256 of each part of the state. */
      readonly hashes: readonly Hash[];
    }
  | { readonly ticket: number; readonly code: LearningErrorCode; readonly error: string };
