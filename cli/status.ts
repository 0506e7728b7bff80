// `meldmesh status`: asks the status socket and turns the answer into text.
import { connectControl, type NodeStatus } from '../node/index.ts';
import { foreignLines } from './foreign-lines.ts';
import { formatBytes, formatCount, formatPercent, formatSeconds } from './format.ts';
import { nodeStores } from './stores.ts';
import { openTerminal } from './terminal.ts';

/**
 * Prints the status of the nodes behind a store folder.
 * @throws CliError MELDMESH_STORE_EMPTY, ControlError MELDMESH_NOT_RUNNING when none of them runs
 */
export async function runStatus(options: {
  readonly store: string | undefined;
  readonly json: boolean;
}): Promise<void> {
  const terminal = openTerminal({ json: options.json });
  const stores = nodeStores(options.store);
  let firstFailure: unknown;
  let running = 0;
  for (const store of stores) {
    try {
      const status = await statusOf(store);
      running += 1;
      if (options.json) terminal.result(JSON.stringify({ store, ...status }));
      else terminal.say(`${running > 1 ? '\n' : ''}${statusText(store, status)}`);
    } catch (error) {
      firstFailure ??= error;
      if (stores.length > 1 && !options.json) terminal.say(`\n${store}: not running`);
    }
  }
  if (running === 0) throw firstFailure;
}

async function statusOf(store: string): Promise<NodeStatus> {
  const client = await connectControl(store);
  try {
    return await client.status();
  } finally {
    client.close();
  }
}

/** Lines of name and value. */
export function statusText(store: string, status: NodeStatus): string {
  const { bytesIn, bytesOut, refused, peers } = status;
  const bytes = (counts: NodeStatus['bytesIn']): string => {
    const { gossip, transfer, control } = counts;
    const total = formatBytes(gossip + transfer + control);
    return `${total} (gossip ${formatBytes(gossip)}, transfer ${formatBytes(transfer)}, control ${formatBytes(control)})`;
  };
  const refusals = Object.entries(refused).map(([reason, count]) => `${reason} ${formatCount(count)}`);
  const role = status.observing ? 'observes' : `${formatCount(status.samples)} samples`;
  const rows: (readonly [string, string | undefined])[] = [
    ['store', store],
    ['peer id', status.peerId],
    ['mesh', status.meshId],
    ['phase', `${status.phase}, up ${formatSeconds(status.seconds)}`],
    ['generation', String(status.generation)],
    ['digest', status.digest],
    ['accuracy', status.accuracy === undefined ? undefined : formatPercent(status.accuracy)],
    ['data', `${role}, backend ${status.backend}, codec ${status.codec}`],
    ['foreign', status.foreign && foreignLines(status.foreign).join(`\n${' '.repeat(14)}`)],
    ['peers', peers.length === 0 ? 'none' : `${peers.length}: ${peers.join(', ')}`],
    ['listens on', status.addresses.join(', ')],
    ['deltas heard', formatCount(status.deltasHeard)],
    ['received', bytes(bytesIn)],
    ['sent', bytes(bytesOut)],
    ['refused', refusals.length === 0 ? 'nothing' : refusals.join(', ')],
    ['memory', `${Math.round(status.rssPeakMiB)} MiB at most`],
    ['loop delay', `${status.eventLoopDelayP99Ms.toFixed(1)} ms (p99)`],
    ['last error', status.lastError ?? 'none'],
    ['invitation', status.invitation],
  ];
  return rows
    .flatMap(([name, value]) => (value === undefined ? [] : [`${name.padEnd(13)} ${value}`]))
    .join('\n');
}
