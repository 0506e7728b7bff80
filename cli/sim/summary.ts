// The words and tables at the end of `sim`. Pure text.
import Table from 'cli-table3';
import type { SimResult } from '../../sim/index.ts';
import {
  formatBytes,
  formatCount,
  formatDigest,
  formatNumberWord,
  formatPercent,
  formatSeconds,
} from '../format.ts';

/** More peers than this are summed up. */
const ROWS_MAX = 24;

type Peer = SimResult['peers'][number];

/** One row for each peer, or the least, the middle and the most of many. */
export function resultTable(result: SimResult): string {
  return result.peers.length <= ROWS_MAX ? peerTable(result) : manyTable(result);
}

function peerTable({ peers, scenario }: SimResult): string {
  const table = new Table({
    head: ['peer', 'samples', 'generation', 'accuracy', 'loss', 'received', 'a generation', 'sent', 'digest'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right', 'right', 'left'],
    style: { head: [], border: [] },
  });
  for (const [i, peer] of peers.entries()) {
    const received = totalBytes(peer.bytesIn);
    table.push([
      peer.attacker === undefined ? String(i) : `${i} ${peer.attacker}`,
      formatCount(peer.samples),
      String(peer.generation),
      formatPercent(peer.accuracy),
      formatLoss(peer.loss),
      formatBytes(received),
      formatBytes(received / Math.max(1, Math.min(peer.generation, scenario.end.generations))),
      formatBytes(totalBytes(peer.bytesOut)),
      formatDigest(peer.digest),
    ]);
  }
  return table.toString();
}

function manyTable({ peers, scenario }: SimResult): string {
  const table = new Table({
    head: [`${formatCount(peers.length)} peers`, 'least', 'median', 'most'],
    colAligns: ['left', 'right', 'right', 'right'],
    style: { head: [], border: [] },
  });
  const row = (name: string, value: (peer: Peer) => number | undefined, show: (value: number) => string) => {
    const sorted = peers.flatMap((peer) => value(peer) ?? []).sort((a, b) => a - b);
    const at = (share: number): string =>
      sorted.length === 0 ? '–' : show(sorted[Math.round(share * (sorted.length - 1))]);
    table.push([name, at(0), at(0.5), at(1)]);
  };
  const { generations } = scenario.end;
  row('samples', ({ samples }) => samples, formatCount);
  row('generation', ({ generation }) => generation, String);
  row('accuracy', ({ accuracy }) => accuracy, formatPercent);
  row('loss', ({ loss }) => loss, formatLoss);
  row('received', ({ bytesIn }) => totalBytes(bytesIn), formatBytes);
  row('received a generation', ({ bytesIn }) => totalBytes(bytesIn) / generations, formatBytes);
  row('sent', ({ bytesOut }) => totalBytes(bytesOut), formatBytes);
  return table.toString();
}

/** Whether honest peers agree, in a sentence. */
export function agreementSentence({ peers, agreed, scenario }: SimResult): string {
  const honest = peers.filter(({ attacker }) => attacker === undefined);
  const digests = new Map<string, number>();
  for (const { digest } of honest) {
    const key = formatDigest(digest);
    digests.set(key, (digests.get(key) ?? 0) + 1);
  }
  if (agreed) {
    // Who was killed for good, or whose disk is full, has not come so far.
    const left = honest.flatMap(({ generation, digest }) =>
      digest === undefined || generation < scenario.end.generations ? [] : [digest],
    );
    const word = formatNumberWord(left.length).toLowerCase();
    return `All ${word} honest peers${left.length < honest.length ? ' that are left' : ''} hold one model: ${left[0]}`;
  }
  const behind = honest.filter(({ generation }) => generation < scenario.end.generations).length;
  const groups = [...digests].map(([digest, count]) => `${digest} at ${count}`);
  const shown = groups.length > 6 ? [...groups.slice(0, 6), `${groups.length - 6} more`] : groups;
  const late =
    behind === 0 ? '' : ` ${behind} of them did not come to generation ${scenario.end.generations}.`;
  return `The honest peers do not agree: ${shown.join(', ')}.${late}`;
}

/** Time, speed and what repeats it. */
export function closingLines(result: SimResult): readonly string[] {
  const { virtualSeconds, realSeconds, events, traceHash, scenario } = result;
  const speed = virtualSeconds / Math.max(0.001, realSeconds);
  const perSecond = formatCount(events / Math.max(0.001, realSeconds));
  return [
    `${formatSeconds(virtualSeconds)} of virtual time in ${formatSeconds(realSeconds)}: ${speed.toFixed(1)} virtual seconds a second, ${formatCount(events)} events (${perSecond} a second)`,
    `seed ${scenario.seed}, trace ${traceHash}`,
  ];
}

/** What a checker saw, the lines that led there, and the command that shows it again. */
export function violationLines(
  violation: NonNullable<SimResult['violation']>,
  replay: string,
): readonly string[] {
  const { checker, text, atMs, peers, lines } = violation;
  return [
    `VIOLATED: ${checker}`,
    `${text}, after ${(atMs / 1_000).toFixed(3)} virtual seconds (peers ${peers.join(', ')})`,
    ...lines.map(
      (line) =>
        `  ${(line.atMs / 1_000).toFixed(4).padStart(10)}  ${line.peer.slice(-8)}  ${line.kind} ${line.text}`,
    ),
    `Replay: ${replay}`,
  ];
}

export function totalBytes(bytes: {
  readonly gossip: number;
  readonly transfer: number;
  readonly control: number;
}): number {
  return bytes.gossip + bytes.transfer + bytes.control;
}

function formatLoss(loss: number | undefined): string {
  return loss === undefined ? '–' : loss.toPrecision(3);
}
