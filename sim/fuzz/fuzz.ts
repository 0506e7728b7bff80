// Many random worlds, one after the other, until there are enough of them, no time is left, or something has failed.
import { createRandom } from '../../fusion/index.ts';
import type { Scenario } from '../scenario.ts';
import { drawScenario } from './draw.ts';
import { type Failure, type RunWorld, runBowlWorld, tryWorld } from './failure.ts';

export interface FuzzOptions {
  /** Worlds at most. */
  readonly seeds: number;
  /** The first seed. Default: '1'. */
  readonly from?: string;
  /** No world begins at or after `untilMs` by this clock; absent: only `seeds` ends it. */
  readonly deadline?: { readonly nowMs: () => number; readonly untilMs: number };
  /** Asked before and after each world: true ends the search, and the world under way counts for nothing. */
  readonly isStopped?: () => boolean;
  /** Stops at this many failures. Default: 1. */
  readonly failuresMax?: number;
  /** Share of the worlds that run twice, to compare their traces. Default: 1/8. */
  readonly twiceShare?: number;
  /** Default: `drawScenario`. */
  readonly draw?: (seed: string) => Scenario;
  /** Default: a simulation of bowls. */
  readonly run?: RunWorld;
  /** After each world. */
  readonly progress?: (report: FuzzReport, seed: string) => void;
}

export interface FuzzReport {
  readonly worlds: number;
  /** Of these, run twice. */
  readonly twice: number;
  readonly events: number;
  readonly virtualSeconds: number;
  readonly failures: readonly (Failure & { readonly seed: string })[];
}

const TWICE_SHARE = 1 / 8;
/** Whole numbers that `Number` keeps. */
const NUMBER = /^\d{1,15}$/;

/** The seed of the world with this index: `from` itself first, so that any world can be run again as a first one. */
export function seedAt(from: string, index: number): string {
  if (NUMBER.test(from)) return String(Number(from) + index);
  return index === 0 ? from : `${from}-${index}`;
}

export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const { seeds, from = '1', deadline, failuresMax = 1, twiceShare = TWICE_SHARE } = options;
  const { draw = drawScenario, run = runBowlWorld, progress, isStopped = () => false } = options;
  const failures: (Failure & { readonly seed: string })[] = [];
  let report: FuzzReport = { worlds: 0, twice: 0, events: 0, virtualSeconds: 0, failures };
  for (let index = 0; index < seeds; index++) {
    if (isStopped() || (deadline !== undefined && deadline.nowMs() >= deadline.untilMs)) break;
    const seed = seedAt(from, index);
    const twice = createRandom(`twice ${seed}`).float() < twiceShare;
    const { failure, run: ran } = await tryWorld(draw(seed), run, twice);
    if (isStopped()) break;
    report = {
      worlds: report.worlds + 1,
      twice: report.twice + Number(twice),
      events: report.events + (ran?.events ?? 0),
      virtualSeconds: report.virtualSeconds + (ran?.virtualSeconds ?? 0),
      failures,
    };
    if (failure !== undefined) failures.push({ ...failure, seed });
    progress?.(report, seed);
    if (failures.length >= failuresMax) break;
  }
  return report;
}
