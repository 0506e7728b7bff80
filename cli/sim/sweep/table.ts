// The table of a sweep: a line for each combination, over its seeds. It shows nothing that depends on the machine, so one
// run and many parts merged give the same text.
import Table from 'cli-table3';
import { formatBytes, formatPercent, formatSeconds } from '../../format.ts';
import { totalBytes } from '../summary.ts';
import type { SweepRecord } from './record.ts';

/** In the order of the table: numbers as numbers. */
export function sortRecords(records: readonly SweepRecord[]): readonly SweepRecord[] {
  const { compare } = new Intl.Collator('en', { numeric: true });
  const sorted = [...records];
  sorted.sort(
    (a, b) =>
      compare(a.scenario, b.scenario) ||
      compare(nameOf(a), nameOf(b)) ||
      compare(a.seed, b.seed) ||
      (a.hash < b.hash ? -1 : 1),
  );
  return sorted;
}

/** Sorts by itself. */
export function sweepTable(records: readonly SweepRecord[]): string {
  const table = new Table({
    head: ['scenario', 'varied', 'seeds', 'accuracy', 'from', 'to', 'a generation', 'virtual', 'agreed'],
    colAligns: ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const groups = new Map<string, SweepRecord[]>();
  for (const record of sortRecords(records)) {
    const key = `${record.scenario}\n${nameOf(record)}`;
    groups.set(key, [...(groups.get(key) ?? []), record]);
  }
  for (const group of groups.values()) table.push(rowOf(group));
  return table.toString();
}

function rowOf(group: readonly SweepRecord[]): string[] {
  const accuracies = group.flatMap(({ report }) => accuracyOf(report) ?? []);
  const agreed = group.filter(({ report }) => report.agreed).length;
  const violated = group.filter(({ report }) => report.violation !== undefined).length;
  const [first] = group;
  return [
    first.scenario,
    nameOf(first),
    String(group.length),
    formatPercent(meanOf(accuracies)),
    formatPercent(accuracies.length === 0 ? undefined : Math.min(...accuracies)),
    formatPercent(accuracies.length === 0 ? undefined : Math.max(...accuracies)),
    formatBytes(meanOf(group.map(({ report }) => bytesOf(report))) ?? 0),
    formatSeconds(meanOf(group.map(({ report }) => report.virtualSeconds)) ?? 0),
    `${agreed} of ${group.length}${violated === 0 ? '' : `, ${violated} violated`}`,
  ];
}

/** `codec=sign peers=10`, or a dash. */
function nameOf({ varied }: SweepRecord): string {
  const entries = Object.entries(varied).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? '–' : entries.map(([flag, value]) => `${flag}=${value}`).join(' ');
}

/** Mean over the peers. */
function accuracyOf({ peers }: SweepRecord['report']): number | undefined {
  return meanOf(peers.flatMap(({ accuracy }) => accuracy ?? []));
}

/** What a peer received for a generation, in the mean. */
function bytesOf({ peers, generations }: SweepRecord['report']): number {
  return (meanOf(peers.map(({ bytesIn }) => totalBytes(bytesIn))) ?? 0) / Math.max(1, generations);
}

function meanOf(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}
