// What a running node prints: one line for each generation and for what is worth knowing, or every event as a
// JSON object.
import type { MeldNode, NodeEvents, NodeStatus } from '../../node/index.ts';
import { foreignLines } from '../foreign-lines.ts';
import { formatBytes, formatCount, formatDigest, formatPercent, formatSeconds } from '../format.ts';
import type { Terminal } from '../terminal.ts';

/** A line for people about an event; `undefined` for events that are only for programs. */
export function eventLine<K extends keyof NodeEvents>(
  event: K,
  detail: NodeEvents[K],
  seconds: number,
): string | undefined;
export function eventLine(
  ...[event, detail, seconds]: {
    [K in keyof NodeEvents]: [K, NodeEvents[K], number];
  }[keyof NodeEvents]
): string | undefined {
  switch (event) {
    case 'listening':
      return [
        ...detail.addresses.map((address) => `listening on ${address}`),
        `invitation: ${detail.invitation}`,
      ].join('\n');
    case 'generation': {
      const { generation, digest, contributors, samples, corrected } = detail;
      const verb = corrected ? 'corrected' : 'complete';
      const who = `${contributors} contributor${contributors === 1 ? '' : 's'}, ${formatCount(samples)} samples`;
      return `generation ${generation} ${verb}  ${formatSeconds(seconds)}  digest ${formatDigest(digest)}  ${who}`;
    }
    case 'evaluated':
      return `generation ${detail.generation}  accuracy ${formatPercent(detail.accuracy)}  loss ${detail.loss.toFixed(4)}`;
    case 'settled':
      return `settled at generation ${detail.generation}: ${detail.agreeing} neighbours hold digest ${detail.digest}`;
    case 'notice':
      return `${detail.code}: ${detail.text}`;
    case 'foreign':
      return foreignLines(detail).join('\n');
    case 'peers':
    case 'trained':
      return undefined;
  }
}

/** Prints the node's events as they come. */
export function reportEvents(
  node: Pick<MeldNode, 'on' | 'status'>,
  options: { readonly terminal: Terminal; readonly json: boolean },
): void {
  const { terminal, json } = options;
  const tell = <K extends keyof NodeEvents>(event: K): void => {
    node.on(event, (detail) => {
      if (json) {
        terminal.result(JSON.stringify({ event, atMs: Date.now(), ...detail }));
        return;
      }
      const line = eventLine(event, detail, node.status().seconds);
      if (line !== undefined) terminal.say(line);
    });
  };
  const events: readonly (keyof NodeEvents)[] = [
    'listening',
    'generation',
    'trained',
    'evaluated',
    'foreign',
    'peers',
    'notice',
    'settled',
  ];
  for (const event of events) tell(event);
  node.on('settled', () => {
    const { bytesIn, bytesOut } = node.status();
    const total = (bytes: typeof bytesIn) => bytes.gossip + bytes.transfer + bytes.control;
    if (!json) terminal.say(`received ${formatBytes(total(bytesIn))}, sent ${formatBytes(total(bytesOut))}`);
  });
}

/** Who this node is, said once it has started. */
export function startedLine(status: NodeStatus): string {
  const { peerId, backend, codec, samples, observing } = status;
  if (observing) return `node ${peerId} follows without training`;
  return `node ${peerId} trains on ${formatCount(samples)} samples, backend ${backend}, codec ${codec}`;
}
