// What a simulated member's rounds are made of. The arithmetic may be done at once or on another thread; when its result
// is heard is the world's decision.
import type { PortEvent, TrainJob } from '../../protocols/index.ts';

export type TrainedWork = Omit<Extract<PortEvent, { kind: 'trained' }>, 'kind' | 'ticket'>;

/** What one round was made of, for those who watch from outside. Nobody changes the vectors any more. */
export interface RoundSeen {
  /** Local weights minus the shared model, flat. */
  readonly delta: Float32Array;
  /** What compression has left out after this round. */
  readonly residual: Float32Array;
  readonly payload: Uint8Array;
}

/** When a round's result will be heard. */
export interface RoundDue {
  readonly atMs: number;
  /** `run` is called when the result is waited for, should it not be there yet. */
  whenAwaited(run: () => void): void;
}

export interface RoundWork {
  /** 0: an observer. */
  readonly samples: number;
  /** Everything in `job` is copied before the call returns. A failure is thrown, or rejects. */
  train(job: TrainJob, due?: RoundDue): TrainedWork | Promise<TrainedWork>;
  evaluate(model: Float32Array): Score | Promise<Score>;
  restore(state: Uint8Array): void;
  /** Set by a watcher, told at the end of each round. Learners that cannot tell what they trained never call it. */
  onTrained?: (round: RoundSeen) => void;
}

interface Score {
  readonly accuracy: number;
  readonly loss: number;
}
