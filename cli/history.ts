// `meldmesh history`: who contributed what to the model in a store, and what it would be without somebody.
import { type Contribution, openCheckpoints } from '../node/index.ts';
import { CliError } from './errors.ts';
import { formatBytes, formatColumns, formatCount, formatDigest } from './format.ts';
import { encodeModelFile, writeWhole } from './model-file.ts';
import { nodeStore } from './stores.ts';
import { openTerminal, type Terminal } from './terminal.ts';

export interface HistoryOptions {
  readonly store: string | undefined;
  readonly by: 'author' | 'generation' | undefined;
  readonly without: string | undefined;
  readonly out: string | undefined;
  readonly json: boolean;
}

type Checkpoints = Awaited<ReturnType<typeof openCheckpoints>>;

/**
 * Prints the history, or the model without a member.
 * @throws CliError MELDMESH_USAGE; MeldError MELDMESH_STORE_LOCKED while the node runs
 */
export async function runHistory(options: HistoryOptions): Promise<void> {
  if (options.out !== undefined && options.without === undefined) {
    throw new CliError('MELDMESH_USAGE', '--out goes with --without', {
      hint: 'To export the model as it is, use `meldmesh checkpoints export`',
    });
  }
  const terminal = openTerminal({ json: options.json });
  const checkpoints = await openCheckpoints({ store: nodeStore(options.store) });
  try {
    const deltas = await checkpoints.contributions();
    if (options.without !== undefined) {
      const peer = options.without;
      await recompute(checkpoints, { deltas, peer, out: options.out, json: options.json, terminal });
    } else if (options.json) {
      terminal.result(
        JSON.stringify({ deltas: options.by === undefined ? deltas : sums(deltas, options.by) }),
      );
    } else {
      terminal.say(historyText(deltas, options.by));
    }
  } finally {
    await checkpoints.close();
  }
}

async function recompute(
  checkpoints: Checkpoints,
  task: {
    readonly deltas: readonly Contribution[];
    readonly peer: string;
    readonly out: string | undefined;
    readonly json: boolean;
    readonly terminal: Terminal;
  },
): Promise<void> {
  const { deltas, peer, out, json, terminal } = task;
  const dropped = deltas.filter((delta) => delta.author === peer && delta.counts).length;
  if (!deltas.some((delta) => delta.author === peer)) {
    throw new CliError('MELDMESH_USAGE', `${peer} has contributed nothing to this history`, {
      hint: 'List the members with `meldmesh history --by author`',
    });
  }
  const before = await checkpoints.model();
  const after = await checkpoints.model({ without: peer });
  if (out !== undefined) {
    const { manifest, model: weights, generation, digest, meshId, samples } = after;
    writeWhole(out, encodeModelFile({ manifest, weights, generation, digest, meshId, samples }));
  }
  if (json) {
    const { generation } = before;
    const result = { without: peer, dropped, generation, before: before.digest, after: after.digest };
    terminal.result(JSON.stringify(result));
    return;
  }
  terminal.say(
    [
      `Generation ${before.generation} without the ${formatCount(dropped)} deltas of ${peer}:`,
      `before  ${before.digest}`,
      `after   ${after.digest}`,
      ...(out === undefined ? [] : [`model: ${out}`]),
    ].join('\n'),
  );
}

export interface HistorySum {
  /** Author or generation. */
  readonly key: string | number;
  readonly deltas: number;
  /** Of these, how many have weight in the model. */
  readonly counted: number;
  readonly samples: number;
  readonly payloadBytes: number;
}

/** Counted deltas summed up; samples are those of the deltas that count, once for each generation. */
export function sums(deltas: readonly Contribution[], by: 'author' | 'generation'): readonly HistorySum[] {
  const groups = new Map<string | number, HistorySum>();
  for (const delta of deltas) {
    const key = delta[by];
    const before = groups.get(key) ?? { key, deltas: 0, counted: 0, samples: 0, payloadBytes: 0 };
    groups.set(key, {
      key,
      deltas: before.deltas + 1,
      counted: before.counted + (delta.counts ? 1 : 0),
      samples: before.samples + (delta.counts ? delta.samples : 0),
      payloadBytes: before.payloadBytes + delta.payloadBytes,
    });
  }
  return [...groups.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

/** A table of deltas, or of their sums. */
export function historyText(
  deltas: readonly Contribution[],
  by: 'author' | 'generation' | undefined,
): string {
  if (deltas.length === 0) return 'There is no delta in this store yet.';
  if (by === undefined) {
    const rows = deltas.map(({ generation, author, samples, payloadBytes, counts, id }) => [
      String(generation),
      author,
      formatCount(samples),
      formatBytes(payloadBytes),
      counts ? 'counts' : 'no weight',
      formatDigest(id),
    ]);
    const head = ['generation', 'author', 'samples', 'payload', 'weight', 'delta'];
    return formatColumns([head, ...rows], [true, false, true, true, true, false, false]).join('\n');
  }
  const rows = sums(deltas, by).map(({ key, deltas, counted, samples, payloadBytes }) => [
    String(key),
    formatCount(deltas),
    formatCount(counted),
    formatCount(samples),
    formatBytes(payloadBytes),
  ]);
  const head = [by, 'deltas', 'with weight', 'samples', 'payloads'];
  return formatColumns([head, ...rows], [by === 'generation', true, true, true, true]).join('\n');
}
