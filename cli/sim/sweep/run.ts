// `meldmesh sim --seeds … --vary …`: a process for each cell, so many at a time. Each is an ordinary `meldmesh sim` that
// reads its scenario from standard input.
import { type ChildProcess, spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { text } from 'node:stream/consumers';
import { CliError } from '../../errors.ts';
import { formatSeconds } from '../../format.ts';
import { onInterrupt } from '../../interrupts.ts';
import { cliEntry } from '../../mesh/spawn.ts';
import { openTerminal } from '../../terminal.ts';
import type { SimOptions } from '../options.ts';
import { simReportSchema } from '../report.ts';
import { type Cell, cellsOf, isInShard } from './grid.ts';
import { tellRecords } from './merge.ts';
import { readRecord, type SweepRecord, writeRecord } from './record.ts';

const STATUS_INTERRUPTED = 130;

/**
 * The exit status: 0 where every run came to agree, 1 where one did not, 130 after Ctrl-C.
 * @throws CliError for a grid that makes no sense, or a process that ended without a result
 */
export async function runSweep(source: string, options: SimOptions): Promise<number> {
  const { shard, out, seeds, vary = [] } = options;
  if (options.record !== undefined) {
    throw new CliError('MELDMESH_USAGE', 'A sweep records no deltas', {
      hint: 'Leave out --record, or run one scenario with one seed',
    });
  }
  const workers = options.workers ?? availableParallelism();
  const terminal = openTerminal({ json: options.json });
  const grid = { flags: options, seeds: seeds ?? [options.seed ?? '1'], vary };
  const all = cellsOf(source, grid);
  const cells = shard === undefined ? all : all.filter(({ hash }) => isInShard(hash, shard));
  const part = shard === undefined ? '' : `, part ${shard.part} of ${shard.of} of ${all.length}`;
  terminal.say(`${cells.length} runs${part}, ${Math.min(workers, cells.length)} at a time`);
  const startedMs = performance.now();
  const records: SweepRecord[] = [];
  const outcome = await forEachCell(cells, { workers, out, threads: options.threads ?? 1 }, (record) => {
    records.push(record);
    const { varied, seed, report } = record;
    const name = [...Object.entries(varied).map(([flag, value]) => `${flag}=${value}`), `seed ${seed}`];
    const end = report.violation?.text ?? (report.agreed ? 'agreed' : 'not agreed');
    const clock = formatSeconds((performance.now() - startedMs) / 1_000);
    terminal.say(`${clock}  ${records.length} of ${cells.length}  ${name.join(' ')}: ${end}`);
  });
  if (records.length > 0) {
    const status = tellRecords(records, terminal, options);
    return outcome === 'interrupted' ? STATUS_INTERRUPTED : status;
  }
  return outcome === 'interrupted' ? STATUS_INTERRUPTED : 0;
}

async function forEachCell(
  cells: readonly Cell[],
  how: { readonly workers: number; readonly out: string | undefined; readonly threads: number },
  done: (record: SweepRecord) => void,
): Promise<'finished' | 'interrupted'> {
  const { workers, out, threads } = how;
  const children = new Set<ChildProcess>();
  let interrupted = false;
  const stop = (): void => {
    interrupted = true;
    for (const child of children) child.kill('SIGINT');
  };
  const stopListening = onInterrupt(stop, () => process.exit(STATUS_INTERRUPTED));
  const waiting = [...cells];
  const work = async (): Promise<void> => {
    for (let cell = waiting.shift(); cell !== undefined && !interrupted; cell = waiting.shift()) {
      const known = out === undefined ? undefined : readRecord(out, cell.hash);
      const record = known ?? (await runCell(cell, threads, children));
      if (record.report.interrupted === true) return;
      if (known === undefined && out !== undefined) writeRecord(out, record);
      done(record);
    }
  };
  try {
    await Promise.all(Array.from({ length: workers }, work));
  } catch (error) {
    stop();
    throw error;
  } finally {
    stopListening();
  }
  return interrupted ? 'interrupted' : 'finished';
}

async function runCell(cell: Cell, threads: number, children: Set<ChildProcess>): Promise<SweepRecord> {
  const { hash, scenario, varied } = cell;
  const parameters = [cliEntry(), 'sim', '-', '--json', '--threads', String(threads)];
  const child = spawn(process.execPath, [...process.execArgv, ...parameters], { stdio: 'pipe' });
  children.add(child);
  // A child that dies before it has read all says so by its status.
  child.stdin.on('error', () => undefined);
  child.stdin.end(JSON.stringify(scenario));
  const [output, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  children.delete(child);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const parsed = simReportSchema.safeParse(jsonOf(last));
  if (parsed.success) {
    return { hash, scenario: scenario.name, seed: scenario.seed, varied, report: parsed.data };
  }
  const reason = complaints.trimEnd().split('\n').slice(-2).join(' ');
  throw new CliError('MELDMESH_SIM_SWEEP', `The run with seed ${scenario.seed} gave no result: ${reason}`, {
    hint: 'Run it alone to see more',
  });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
