// `meldmesh sim fuzz`: random worlds until there are enough of them or the time is over. A failure is kept as a file, and
// the command that repeats it is printed.
import { writeFileSync } from 'node:fs';
import { drawScenario, type Failure, type FuzzReport, fuzz, type RunWorld } from '../../sim/index.ts';
import { formatCount, formatSeconds } from '../format.ts';
import { openTerminal, type Terminal } from '../terminal.ts';
import { openSearch, STATUS_INTERRUPTED } from './search.ts';

export interface FuzzCommandOptions {
  /** Worlds at most; with neither this nor `minutes` a hundred. */
  readonly seeds: number | undefined;
  readonly minutes: number | undefined;
  /** The first seed. Default: 1. */
  readonly from: string | undefined;
  readonly json: boolean;
}

const SEEDS_DEFAULT = 100;
const LINE_EVERY_MS = 5_000;
const TRACE_LINES = 50;

/**
 * The exit status: 0 where every world was well, 1 after a failure, 130 after Ctrl-C. `world`: who runs a world; default:
 * bowls as they are.
 */
export async function runFuzz(options: FuzzCommandOptions, world?: RunWorld): Promise<number> {
  const { minutes, from, json } = options;
  const terminal = openTerminal({ json });
  const startedMs = performance.now();
  let toldMs = startedMs;
  const search = openSearch(world);
  terminal.say(`Random worlds from seed ${from ?? '1'}.`);
  const report = await fuzz({
    from,
    run: search.run,
    isStopped: search.isStopped,
    seeds: options.seeds ?? (minutes === undefined ? SEEDS_DEFAULT : Number.MAX_SAFE_INTEGER),
    deadline:
      minutes === undefined
        ? undefined
        : { nowMs: () => performance.now(), untilMs: startedMs + 60_000 * minutes },
    progress: (at, seed) => {
      if (performance.now() - toldMs < LINE_EVERY_MS) return;
      toldMs = performance.now();
      terminal.say(`${summaryOf(at, toldMs - startedMs)}; the last seed was ${seed}`);
    },
  });
  search.close();
  const interrupted = search.isStopped();
  for (const failure of report.failures) tellFailure(terminal, failure);
  if (interrupted) terminal.say('Stopped by Ctrl-C; this is what there was so far.');
  const realMs = performance.now() - startedMs;
  terminal.say(`${summaryOf(report, realMs)}: ${verdict(report)}.`);
  if (json) {
    const ended = interrupted ? { interrupted } : {};
    terminal.result(JSON.stringify({ ...report, seconds: realMs / 1_000, ...ended }));
  }
  if (interrupted) return STATUS_INTERRUPTED;
  return report.failures.length === 0 ? 0 : 1;
}

function summaryOf({ worlds, twice, events, virtualSeconds }: FuzzReport, realMs: number): string {
  const time = `${formatCount(virtualSeconds)} virtual seconds and ${formatCount(events)} events in ${formatSeconds(realMs / 1_000)}`;
  return `${formatCount(worlds)} worlds, ${formatCount(twice)} of them twice, ${time}`;
}

function verdict({ failures }: FuzzReport): string {
  return failures.length === 0 ? 'all of them well' : `${formatCount(failures.length)} failed`;
}

function tellFailure(terminal: Terminal, failure: Failure & { readonly seed: string }): void {
  const { seed, violation } = failure;
  const file = `sim-failure-${seed.replaceAll(/[^\w.-]/g, '_')}.json`;
  writeFileSync(file, `${JSON.stringify(failure, undefined, 2)}\n`);
  terminal.say('');
  for (const { atMs, peer, kind, text } of (violation.lines ?? []).slice(-TRACE_LINES)) {
    terminal.say(`  ${(atMs / 1_000).toFixed(3).padStart(10)} s  ${peer.slice(-6)}  ${kind}  ${text}`);
  }
  const when = violation.atMs === undefined ? '' : ` after ${formatSeconds(violation.atMs / 1_000)}`;
  terminal.say(`World ${seed} failed${when}: ${violation.checker}: ${violation.text}`);
  if (failure.traceHash !== undefined) terminal.say(`Its trace hash is ${failure.traceHash}.`);
  for (const line of replayLines(seed, file)) terminal.say(line);
  terminal.say('');
}

/** How to see it again, how to make it small, and what was drawn. */
function replayLines(seed: string, file: string): readonly string[] {
  const { peers, faults, attackers } = drawScenario(seed);
  const liars = attackers.map(({ kind }) => kind);
  return [
    `It has ${peers} peers; faults: ${faults.map(({ kind }) => kind).join(', ') || 'none'}; liars: ${liars.join(', ') || 'none'}.`,
    `See it again:  meldmesh sim fuzz --from ${seed} --seeds 1`,
    `Make it small: meldmesh sim shrink ${file}`,
  ];
}
