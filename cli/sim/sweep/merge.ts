// `meldmesh sim merge`: many machines' results in one folder, told as one sweep.
import { openTerminal, type Terminal } from '../../terminal.ts';
import { readRecords, type SweepRecord } from './record.ts';
import { sortRecords, sweepTable } from './table.ts';

/**
 * The exit status: 0 where every run came to agree.
 * @throws CliError MELDMESH_SIM_SWEEP
 */
export function mergeResults(folder: string, options: { readonly json: boolean }): number {
  return tellRecords(readRecords(folder), openTerminal(options), options);
}

/** The table, and with --json a line for each result. */
export function tellRecords(
  records: readonly SweepRecord[],
  terminal: Terminal,
  options: { readonly json: boolean },
): number {
  terminal.say(sweepTable(records));
  if (options.json) for (const record of sortRecords(records)) terminal.result(JSON.stringify(record));
  const isGood = ({ report }: SweepRecord): boolean => report.agreed && report.violation === undefined;
  return records.every(isGood) ? 0 : 1;
}
