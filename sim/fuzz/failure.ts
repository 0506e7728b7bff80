// A failed world as plain data, and who decides that a world has failed: a checker, members that end apart, an exception,
// or a second run that is another one.
import type { Scenario } from '../scenario.ts';
import { parseScenario } from '../scenario.ts';
import { Simulation } from '../simulation.ts';
import type { TraceLine } from '../trace.ts';
import { bowlHost } from './bowl-host.ts';

export interface Failure {
  readonly scenario: Scenario;
  readonly violation: {
    /** Name of the checker, or one of `AGREEMENT`, `EXCEPTION`, `REPEATS`. */
    readonly checker: string;
    readonly text: string;
    /** Virtual time; absent where a run broke off. */
    readonly atMs?: number;
    readonly peers?: readonly string[];
    /** The last trace lines of these peers. */
    readonly lines?: readonly TraceLine[];
  };
  /** Of the run that failed; absent where it broke off. */
  readonly traceHash?: string;
}

/** What a verdict needs of a run. */
export interface WorldRun {
  readonly violation: Failure['violation'] | undefined;
  readonly agreed: boolean;
  readonly traceHash: string;
  readonly virtualSeconds: number;
  readonly events: number;
  readonly peers: readonly {
    readonly generation: number;
    readonly digest: string | undefined;
    readonly attacker?: string;
  }[];
}

/** Runs a scenario once; the same scenario gives the same run. */
export type RunWorld = (scenario: Scenario) => Promise<WorldRun>;

export const AGREEMENT = 'all honest members agree in the end';
export const EXCEPTION = 'nothing throws';
export const REPEATS = 'a seed repeats its run';

/** Lines of a stack that say where it happened. */
const STACK_LINES = 6;

/** A world of bowls as it is. */
export const runBowlWorld: RunWorld = async (scenario) => new Simulation(scenario, bowlHost(scenario)).run();

export interface Outcome {
  readonly failure: Failure | undefined;
  /** Absent where an exception ended the run. */
  readonly run: WorldRun | undefined;
}

/** Runs a scenario and judges it; `twice` also demands that a second run is the same one. */
export async function tryWorld(scenario: Scenario, run: RunWorld, twice = false): Promise<Outcome> {
  let first: WorldRun;
  try {
    first = await run(scenario);
  } catch (error) {
    return { failure: { scenario, violation: { checker: EXCEPTION, text: textOf(error) } }, run: undefined };
  }
  const { traceHash, violation = disagreement(first) } = first;
  if (violation !== undefined) return { failure: { scenario, violation, traceHash }, run: first };
  if (twice) {
    const second = await run(scenario);
    if (second.traceHash !== traceHash) {
      const text = `two runs of one seed: ${traceHash} and ${second.traceHash}`;
      return { failure: { scenario, violation: { checker: REPEATS, text }, traceHash }, run: first };
    }
  }
  return { failure: undefined, run: first };
}

function disagreement({ agreed, peers, virtualSeconds }: WorldRun): Failure['violation'] | undefined {
  if (agreed) return undefined;
  const states = peers.map(
    ({ generation, digest, attacker }, i) =>
      `${i}${attacker === undefined ? '' : ` (${attacker})`} at ${generation} ${digest?.slice(0, 8) ?? 'not there'}`,
  );
  return { checker: AGREEMENT, text: states.join(', '), atMs: 1_000 * virtualSeconds };
}

function textOf(error: unknown): string {
  const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
  return text.split('\n').slice(0, STACK_LINES).join('\n');
}

/** A failure from a file; or what is wrong with it, a sentence each. */
export function parseFailure(
  value: unknown,
): { readonly failure: Failure } | { readonly problems: readonly string[] } {
  const fields: Record<string, unknown> = typeof value === 'object' && value !== null ? { ...value } : {};
  const parsed = parseScenario(fields.scenario);
  if ('problems' in parsed) return { problems: parsed.problems.map((text) => `scenario: ${text}`) };
  const violation: Record<string, unknown> =
    typeof fields.violation === 'object' && fields.violation !== null ? { ...fields.violation } : {};
  const { checker, text } = violation;
  if (typeof checker !== 'string')
    return { problems: ['violation.checker: the name of a checker is missing'] };
  return {
    failure: {
      scenario: parsed.scenario,
      violation: { checker, text: typeof text === 'string' ? text : '' },
    },
  };
}
