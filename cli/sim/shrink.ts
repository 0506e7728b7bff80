// `meldmesh sim shrink`: from the file of a failure to a small scenario that still fails, as a file for
// `test/sim/regressions/`.
import { readFileSync, writeFileSync } from 'node:fs';
import { stringify } from 'yaml';
import { type Failure, parseFailure, type Shrunk, shrink } from '../../sim/index.ts';
import { CliError } from '../errors.ts';
import { formatSeconds } from '../format.ts';
import { openTerminal } from '../terminal.ts';
import { openSearch, STATUS_INTERRUPTED } from './search.ts';

export interface ShrinkCommandOptions {
  /** The file to write; YAML or JSON by its name. Default: the name of the failure with `-small` in it. */
  readonly out: string | undefined;
  readonly json: boolean;
}

const LINE_EVERY_MS = 5_000;

/**
 * The exit status: 0 with a scenario written, 1 where it does not fail any more, 130 after Ctrl-C; then what was smallest
 * so far is written.
 * @throws CliError MELDMESH_SIM_FILE
 */
export async function runShrink(file: string, options: ShrinkCommandOptions): Promise<number> {
  const terminal = openTerminal({ json: options.json });
  const failure = readFailure(file);
  const startedMs = performance.now();
  let toldMs = startedMs;
  const search = openSearch();
  terminal.say(`Shrinking ${sizeOf(failure)}.`);
  const shrunk = await shrink(failure, {
    run: search.run,
    isStopped: search.isStopped,
    progress: (smallest, runs) => {
      if (performance.now() - toldMs < LINE_EVERY_MS) return;
      toldMs = performance.now();
      terminal.say(`${runs} runs; the smallest has ${sizeOf(smallest)}`);
    },
  });
  search.close();
  const interrupted = search.isStopped();
  if (interrupted) terminal.say('Stopped by Ctrl-C; this is the smallest so far.');
  if (shrunk === undefined) {
    if (interrupted) return STATUS_INTERRUPTED;
    terminal.say(`${file} does not fail any more: nothing to shrink.`);
    return 1;
  }
  const out = options.out ?? file.replace(/(\.\w+)?$/, '-small.json');
  writeFileSync(out, scenarioText(out, shrunk));
  const { scenario, runs, isSmallest } = shrunk;
  terminal.say(
    `${runs} runs in ${formatSeconds((performance.now() - startedMs) / 1_000)}: ${sizeOf(shrunk.failure)}.`,
  );
  if (!isSmallest && !interrupted)
    terminal.say('The runs were used up: shrinking it again may leave still less.');
  terminal.say(scenario.story ?? '');
  terminal.say(`It fails by: ${shrunk.failure.violation.text}`);
  terminal.say(`Written to ${out}. See it fail: meldmesh sim ${out}`);
  terminal.say('With a story for its name it belongs into test/sim/regressions/.');
  if (options.json) terminal.result(JSON.stringify({ file: out, runs, isSmallest, scenario }));
  return interrupted ? STATUS_INTERRUPTED : 0;
}

function readFailure(file: string): Failure {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('MELDMESH_SIM_FILE', `${file} cannot be read as JSON (${reason})`, {
      cause,
      hint: 'Give the file that `meldmesh sim fuzz` has written',
    });
  }
  const parsed = parseFailure(value);
  if ('failure' in parsed) return parsed.failure;
  throw new CliError('MELDMESH_SIM_FILE', `${file} is not the file of a failure: ${parsed.problems[0]}`, {
    hint: 'Give the file that `meldmesh sim fuzz` has written',
  });
}

function scenarioText(file: string, { scenario }: Shrunk): string {
  return /\.ya?ml$/.test(file) ? stringify(scenario) : `${JSON.stringify(scenario, undefined, 2)}\n`;
}

function sizeOf({ scenario }: Failure): string {
  const { peers, faults, attackers, end } = scenario;
  return `${peers} peers, ${faults.length} faults, ${attackers.length} liars, ${end.generations} generations`;
}
