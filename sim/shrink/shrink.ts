// From a scenario that fails to a small one that fails in the same way: every stage leaves out or simplifies until nothing
// more of its kind can go, and the stages repeat until a whole round of them changes nothing.
import { AGREEMENT, type Failure, REPEATS, type RunWorld, runBowlWorld, tryWorld } from '../fuzz/failure.ts';
import type { Scenario } from '../scenario.ts';
import { STAGES } from './simpler.ts';
import { storyOf } from './story.ts';

export interface ShrinkOptions {
  /** Default: a simulation of bowls. */
  readonly run?: RunWorld;
  /** Runs at most; what is smallest by then is the answer. Default: 400. */
  readonly runsMax?: number;
  /** Asked before and after each run: true ends it with what is smallest so far. */
  readonly isStopped?: () => boolean;
  /** After each run: the smallest failure so far. */
  readonly progress?: (smallest: Failure, runs: number) => void;
}

export interface Shrunk {
  readonly failure: Failure;
  /** The failing scenario with a drafted story. */
  readonly scenario: Scenario;
  readonly runs: number;
  /** False: the budget was spent, or it was stopped, before nothing more could go. */
  readonly isSmallest: boolean;
}

const RUNS_MAX = 400;

/** `undefined`: the scenario does not fail any more, or it was stopped before that was known. Deterministic: equal failures shrink equally. */
export async function shrink(
  { scenario, violation }: Pick<Failure, 'scenario' | 'violation'>,
  options: ShrinkOptions = {},
): Promise<Shrunk | undefined> {
  const shrinker = new Shrinker(violation.checker, options);
  const first = await shrinker.try(scenario);
  if (first === undefined) return undefined;
  const failure = await shrinker.shrink(first);
  return {
    failure,
    scenario: { ...failure.scenario, story: storyOf(failure) },
    runs: shrinker.runs,
    isSmallest: !shrinker.isSpent,
  };
}

class Shrinker {
  readonly #checker: string;
  readonly #run: RunWorld;
  readonly #runsMax: number;
  readonly #progress: ShrinkOptions['progress'];
  readonly #isStopped: () => boolean;
  readonly #seen = new Set<string>();
  runs = 0;
  isSpent = false;

  constructor(checker: string, options: ShrinkOptions) {
    const { run = runBowlWorld, runsMax = RUNS_MAX, progress, isStopped = () => false } = options;
    this.#checker = checker;
    this.#run = run;
    this.#runsMax = runsMax;
    this.#progress = progress;
    this.#isStopped = isStopped;
  }

  /** The failure of a scenario that fails by the same checker. A scenario is tried once. */
  async try(scenario: Scenario): Promise<Failure | undefined> {
    const key = JSON.stringify(scenario);
    if (this.#seen.has(key)) return undefined;
    if (this.runs >= this.#runsMax || this.#isStopped()) {
      this.isSpent = true;
      return undefined;
    }
    this.#seen.add(key);
    this.runs += 1;
    const { failure } = await tryWorld(scenario, this.#run, this.#checker === REPEATS);
    if (this.#isStopped()) {
      this.isSpent = true;
      return undefined;
    }
    return failure?.violation.checker === this.#checker ? failure : undefined;
  }

  async shrink(failure: Failure): Promise<Failure> {
    let smallest = failure;
    let before: Failure;
    do {
      before = smallest;
      for (const stage of STAGES) smallest = await this.#exhaust(smallest, stage);
    } while (smallest !== before && !this.isSpent);
    return this.#cutEnd(smallest);
  }

  async #exhaust(failure: Failure, stage: (typeof STAGES)[number]): Promise<Failure> {
    let smallest = failure;
    for (;;) {
      const better = await this.#first(stage(smallest.scenario), smallest);
      if (better === undefined) return smallest;
      smallest = better;
    }
  }

  async #first(candidates: readonly Scenario[], smallest: Failure): Promise<Failure | undefined> {
    for (const candidate of candidates) {
      const failure = await this.try(candidate);
      this.#progress?.(failure ?? smallest, this.runs);
      if (failure !== undefined) return failure;
      if (this.isSpent) return undefined;
    }
    return undefined;
  }

  /** A run that broke off early needs no more time than that; one that did not agree needs all of it. */
  async #cutEnd(failure: Failure): Promise<Failure> {
    const { scenario, violation } = failure;
    if (violation.atMs === undefined || violation.checker === AGREEMENT) return failure;
    const maxMs = 1_000 * Math.ceil(violation.atMs / 1_000 + 1);
    if (maxMs >= scenario.end.maxMs) return failure;
    const cut = await this.try({ ...scenario, end: { ...scenario.end, maxMs } });
    // At the very end checkers ask more than before it: then it would be another failure.
    return (cut?.violation.atMs ?? maxMs) < maxMs ? (cut ?? failure) : failure;
  }
}
