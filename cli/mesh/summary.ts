// The words and tables at the end of `mesh`. Pure text.
import Table from 'cli-table3';
import {
  formatBytes,
  formatCount,
  formatDigest,
  formatNumberWord,
  formatPercent,
  formatSeconds,
} from '../format.ts';
import type { References, Report } from './report.ts';

/** The final table: one row for each node, then the two references where they were computed. */
export function summaryTable(report: Report, references: References | undefined): string {
  const table = new Table({
    head: [
      'node',
      'digits',
      'accuracy',
      'digest',
      'received',
      'a generation',
      'sent',
      'peak memory',
      'delay p99',
    ],
    colAligns: ['left', 'right', 'right', 'left', 'right', 'right', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  for (const [index, peer] of report.peers.entries()) {
    const received = total(peer.bytesIn);
    table.push([
      [String(index), peer.trainer ?? [], peer.lost === true ? '(lost)' : []].flat().join(' '),
      peer.samples === 0 ? 'observes' : formatCount(peer.samples),
      formatPercent(peer.accuracy ?? undefined),
      formatDigest(peer.digest ?? undefined),
      formatBytes(received),
      formatBytes(received / Math.max(1, report.generations)),
      formatBytes(total(peer.bytesOut)),
      `${Math.round(peer.rssPeakMiB)} MiB`,
      `${peer.eventLoopDelayP99Ms.toFixed(1)} ms`,
    ]);
  }
  if (references !== undefined) {
    const { alone, pooled } = references;
    const mean = alone.reduce((sum, value) => sum + value, 0) / alone.length;
    const spread = `${formatPercent(Math.min(...alone))} to ${formatPercent(Math.max(...alone))}`;
    table.push([
      { content: 'each shard alone', colSpan: 2 },
      formatPercent(mean),
      { content: `no exchange at all: mean, ${spread}`, colSpan: 6 },
    ]);
    const digits = report.peers.reduce((sum, peer) => sum + peer.samples, 0);
    table.push([
      { content: 'all data pooled', colSpan: 2 },
      formatPercent(pooled),
      { content: `one model trained on all ${formatCount(digits)} digits in one place`, colSpan: 6 },
    ]);
  }
  return table.toString();
}

/** `All five digests are equal: …`, or who holds what. */
export function digestSentence(report: Report): string {
  const live = report.peers.flatMap((peer, index) =>
    peer.lost === true ? [] : [{ index, digest: peer.digest }],
  );
  const byDigest = new Map<string, number[]>();
  for (const { index, digest } of live) {
    const key = digest ?? 'none';
    byDigest.set(key, [...(byDigest.get(key) ?? []), index]);
  }
  const [first] = byDigest.keys();
  if (byDigest.size === 1 && first !== undefined && first !== 'none') {
    if (live.length === 1) return `The digest of the one live node: ${first}`;
    return `All ${formatNumberWord(live.length).toLowerCase()} digests are equal: ${first}`;
  }
  const groups = [...byDigest].map(
    ([digest, nodes]) => `${formatDigest(digest)} at node ${nodes.join(', ')}`,
  );
  return `The digests differ: ${groups.join('; ')}.`;
}

/** Time, accuracy and seed in one line. */
export function closingSentence(report: Report): string {
  const best = report.peers.flatMap((peer) =>
    peer.accuracy === null || peer.lost === true ? [] : [peer.accuracy],
  );
  const accuracy = best.length === 0 ? '–' : formatPercent(Math.min(...best));
  const seconds = formatSeconds(report.seconds);
  return `${report.generations} generations in ${seconds}, accuracy ${accuracy} on 10,000 test digits, seed ${report.seed}`;
}

function total(bytes: {
  readonly gossip: number;
  readonly transfer: number;
  readonly control: number;
}): number {
  return bytes.gossip + bytes.transfer + bytes.control;
}
