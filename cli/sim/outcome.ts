// What came of a run on this machine.
import type { SimResult } from '../../sim/index.ts';
import type { Absence, Sample } from './samples.ts';

/** What a run gave, with what only its host has seen. */
export interface SimOutcome {
  readonly result: SimResult;
  readonly samples: readonly Sample[];
  readonly absences: readonly Absence[];
  readonly backend: string;
  /** The manifest's, defaults filled in. */
  readonly codec: string;
  readonly interrupted: boolean;
}
