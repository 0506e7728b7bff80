// The cells of a sweep: every combination of the varied flags with every seed, each a whole scenario with a hash over its
// content. Who computes a cell, and when, follows from the hash alone, so that no machine needs another.
import { createHash } from 'node:crypto';
import { InvalidArgumentError } from 'commander';
import type { Scenario } from '../../../sim/index.ts';
import { CliError } from '../../errors.ts';
import { wholeNumber } from '../../option-values.ts';
import type { ScenarioFlags, ShardChoice, Variation, VariedFlag } from '../options.ts';
import { readScenario } from '../scenario.ts';

export interface Cell {
  /** SHA-256 of the scenario, hex. */
  readonly hash: string;
  readonly scenario: Scenario;
  /** The varied flags with this cell's values. */
  readonly varied: Readonly<Record<string, string>>;
}

/**
 * All cells, seeds innermost.
 * @throws CliError for a value that its flag does not take, and whatever the scenario itself may throw
 */
export function cellsOf(
  source: string,
  grid: {
    readonly flags: ScenarioFlags;
    readonly seeds: readonly string[];
    readonly vary: readonly Variation[];
  },
): readonly Cell[] {
  const { flags, seeds, vary } = grid;
  if (source === '-') {
    throw new CliError('MELDMESH_USAGE', 'A sweep reads its scenario many times, so it needs a file', {
      hint: 'Write it to a file and name that',
    });
  }
  const combinations = vary.reduce<readonly Readonly<Record<string, string>>[]>(
    (rows, { flag, values }) => rows.flatMap((row) => values.map((value) => ({ ...row, [flag]: value }))),
    [{}],
  );
  return combinations.flatMap((varied) =>
    seeds.map((seed) => {
      const scenario = readScenario(source, { ...flags, ...flagsOf(varied), seed });
      return { hash: hashOfScenario(scenario), scenario, varied };
    }),
  );
}

/** Whether this part of the grid has the cell. The parts are about equal and need no list. */
export function isInShard(hash: string, { part, of }: ShardChoice): boolean {
  return BigInt(`0x${hash}`) % BigInt(of) === BigInt(part - 1);
}

/** Over the content, whatever the order of its keys. */
export function hashOfScenario(scenario: Scenario): string {
  return createHash('sha256').update(canonical(scenario)).digest('hex');
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

function flagsOf(varied: Readonly<Record<string, string>>): Partial<ScenarioFlags> {
  return Object.fromEntries(
    Object.entries(varied).map(([flag, value]) => [flag, flagValue(flag as VariedFlag, value)]),
  );
}

function flagValue(flag: VariedFlag, value: string): string | number {
  const max = { peers: 10_000, generations: 100_000, samples: 10_000_000 };
  if (flag !== 'peers' && flag !== 'generations' && flag !== 'samples') return value;
  try {
    return wholeNumber(1, max[flag])(value);
  } catch (cause) {
    if (!(cause instanceof InvalidArgumentError)) throw cause;
    throw new CliError('MELDMESH_USAGE', `--vary ${flag}=${value}: ${cause.message}`, { cause });
  }
}
