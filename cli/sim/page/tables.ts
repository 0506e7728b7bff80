// The numbers behind the plots, as tables of HTML.
import type { SimResult } from '../../../sim/index.ts';
import { formatBytes, formatCount, formatDigest } from '../../format.ts';
import { totalBytes } from '../summary.ts';
import type { Series } from './series.ts';

/** More peers than this are left to --json. */
const PEERS_MAX = 200;

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export function generationsTable({ generations }: Series): string {
  return table(
    [
      'generation',
      'peers',
      'models',
      'accuracy, %',
      'from',
      'to',
      'loss',
      'virtual s',
      'last peer',
      'MiB received',
    ],
    generations.map((row) => [
      String(row.generation),
      String(row.peers),
      String(row.models),
      fixed(row.accuracy, 2),
      fixed(row.accuracyLow, 2),
      fixed(row.accuracyHigh, 2),
      fixed(row.loss, 4),
      fixed(row.seconds, 2),
      fixed(row.secondsLast, 2),
      fixed(row.mebibytes, 3),
    ]),
  );
}

export function peersTable({ peers }: SimResult): string {
  const rows = peers.slice(0, PEERS_MAX).map((peer, i) => [
    peer.attacker === undefined ? String(i) : `${i} (${peer.attacker})`,
    formatCount(peer.samples),
    String(peer.generation),
    fixed(peer.accuracy === undefined ? undefined : 100 * peer.accuracy, 2),
    fixed(peer.loss, 4),
    formatBytes(totalBytes(peer.bytesIn)),
    formatBytes(totalBytes(peer.bytesOut)),
    Object.entries(peer.refused)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ') || '–',
    formatDigest(peer.digest),
  ]);
  const rest =
    peers.length > PEERS_MAX ? `<p class="soft">The first ${PEERS_MAX} of ${peers.length}.</p>` : '';
  return (
    table(
      ['peer', 'samples', 'generation', 'accuracy, %', 'loss', 'received', 'sent', 'refused', 'digest'],
      rows,
    ) + rest
  );
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string): string =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join('')}</tr>`;
  const body = rows.map((row) => line(row, 'td')).join('\n');
  return `<div class="scroll"><table><thead>${line(head, 'th')}</thead>\n<tbody>${body}</tbody></table></div>`;
}

function fixed(value: number | undefined, digits: number): string {
  return value === undefined ? '–' : value.toFixed(digits);
}
