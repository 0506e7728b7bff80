// What `meldmesh join` was told on the command line.
import type { BackendChoice } from '../../learning/index.ts';

export interface JoinOptions {
  readonly manifest: string | undefined;
  readonly data: string | undefined;
  readonly labelColumn: string | undefined;
  readonly indices: string | undefined;
  readonly test: string | undefined;
  readonly store: string;
  readonly generations: number | undefined;
  readonly listen: readonly string[] | undefined;
  readonly announce: readonly string[] | undefined;
  readonly bootstrap: readonly string[] | undefined;
  readonly observe: boolean;
  /** A model that was trained elsewhere; `false`: none from now on. */
  readonly from: string | false | undefined;
  readonly fromSamples: number | undefined;
  /** Words of a command; `false`: none from now on. */
  readonly trainer: readonly string[] | false | undefined;
  /** Seconds. */
  readonly trainerTimeout: number | undefined;
  readonly backend: BackendChoice;
  readonly threads: number;
  readonly seed: string | undefined;
  readonly waitForPeers: number | undefined;
  readonly mdns: boolean;
  readonly dryRun: boolean;
  readonly keepRunning: boolean;
  readonly json: boolean;
}
