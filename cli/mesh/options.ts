// What `meldmesh mesh` was told on the command line.
import type { BackendChoice } from '../../learning/index.ts';

export interface MeshOptions {
  readonly peers: number;
  readonly generations: number;
  readonly partition: string;
  readonly samples: number | undefined;
  readonly model: string;
  readonly codec: string;
  readonly localEpochs: number;
  readonly batch: number;
  readonly lr: number;
  readonly momentum: number;
  readonly seed: string | undefined;
  readonly store: string | undefined;
  readonly out: string | undefined;
  readonly threads: number;
  readonly backend: BackendChoice;
  /** A command that was looked at already; the last `trainerNodes` contributors train with it. */
  readonly trainer: string | undefined;
  readonly trainerNodes: number;
  /** Seconds. */
  readonly trainerTimeout: number | undefined;
  readonly listen: readonly string[] | undefined;
  readonly announce: readonly string[] | undefined;
  readonly observe: boolean;
  readonly references: boolean;
  readonly json: boolean;
  readonly keepRunning: boolean;
}
