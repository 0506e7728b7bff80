// What a simulated member's rounds are made of. The arithmetic may be done at once or on another thread; when its result
// is heard is the world's decision.
import type { PortEvent, TrainJob } from '../../protocols/index.ts';

export type TrainedWork = Omit<Extract<PortEvent, { kind: 'trained' }>, 'kind' | 'ticket'>;

export interface RoundWork {
  /** 0: an observer. */
  readonly samples: number;
  /** Everything in `job` is copied before the call returns. A failure is thrown, or rejects. */
  train(job: TrainJob): TrainedWork | Promise<TrainedWork>;
  evaluate(model: Float32Array): Score | Promise<Score>;
  restore(state: Uint8Array): void;
}

interface Score {
  readonly accuracy: number;
  readonly loss: number;
}
