// Who gets which samples. Only labels and counts are looked at; the result is indices into the training set.
import assert from 'node:assert/strict';
import type { Random } from '../fusion/index.ts';
import { DataError } from './errors.ts';

/** Ascending indices of each peer's samples; no index twice. */
export type Partition = readonly (readonly number[])[];

export type PartitionName =
  | { readonly kind: 'iid' }
  | { readonly kind: 'dirichlet'; readonly alpha: number }
  | { readonly kind: 'file'; readonly path: string };

/** `iid`, `dirichlet:A` or `file:F`. Throws a DataError for anything else. */
export function parsePartitionName(text: string): PartitionName {
  if (text === 'iid') return { kind: 'iid' };
  if (text.startsWith('file:') && text.length > 5) return { kind: 'file', path: text.slice(5) };
  const alpha = text.startsWith('dirichlet:') ? Number(text.slice(10) || Number.NaN) : Number.NaN;
  if (alpha >= ALPHA_MIN && alpha <= ALPHA_MAX) return { kind: 'dirichlet', alpha };
  const wanted = `use iid, dirichlet:A with A from ${ALPHA_MIN} to ${ALPHA_MAX}, or file:PATH`;
  throw new DataError('MELDMESH_DATA_PARTITION', `this is no partition; ${wanted}`, { file: `"${text}"` });
}

/** Below this every class goes to one peer, above that the shards are equal: other values are typing errors. */
const ALPHA_MIN = 0.001;
const ALPHA_MAX = 1e6;
/** Draws before samples are moved by hand. Dirichlet(0.5) over ten peers needs one or two. */
const DRAWS_MAX = 50;

/** Equal random shards; sizes differ by at most one. */
export function partitionIid(options: {
  readonly samples: number;
  readonly peers: number;
  readonly random: Random;
}): Partition {
  const { samples, peers, random } = options;
  checkCounts(samples, peers);
  const order = shuffled(
    Array.from({ length: samples }, (_, index) => index),
    random,
  );
  return Array.from({ length: peers }, (_, peer) => {
    const start = Math.floor((samples * peer) / peers);
    const end = Math.floor((samples * (peer + 1)) / peers);
    return order.slice(start, end).sort(ascending);
  });
}

export interface DirichletOptions {
  readonly labels: ArrayLike<number>;
  readonly classes: number;
  readonly peers: number;
  /** Concentration: 0.1 gives each peer one or two classes, 100 nearly equal shares. */
  readonly alpha: number;
  readonly random: Random;
  /** Fewest samples of one shard, usually the batch size. Lowered to the mean where there are too few. Default 1. */
  readonly samplesMin?: number;
}

/**
 * For each class, shares of the peers drawn from a symmetric Dirichlet distribution (Hsu, Qi and Brown, 2019).
 * A draw with too small a shard is repeated; after 50 of them the largest shards give samples away.
 */
export function partitionDirichlet(options: DirichletOptions): Partition {
  const { labels, peers, random } = options;
  checkCounts(labels.length, peers);
  assert(options.alpha > 0);
  const samplesMin = Math.min(Math.max(1, options.samplesMin ?? 1), Math.floor(labels.length / peers));
  let shards = drawShards(options, random.fork('draw-0'));
  for (let draw = 1; draw < DRAWS_MAX && smallest(shards) < samplesMin; draw++) {
    shards = drawShards(options, random.fork(`draw-${draw}`));
  }
  level(shards, samplesMin);
  return shards.map((shard) => shard.sort(ascending));
}

function drawShards(options: DirichletOptions, random: Random): number[][] {
  const { labels, classes, peers, alpha } = options;
  const byClass: number[][] = Array.from({ length: classes }, () => []);
  for (let i = 0; i < labels.length; i++) {
    assert(labels[i] < classes, 'labels are checked when data is read');
    byClass[labels[i]].push(i);
  }
  const shards: number[][] = Array.from({ length: peers }, () => []);
  for (const [label, indices] of byClass.entries()) {
    const classRandom = random.fork(`class-${label}`);
    const order = shuffled(indices, classRandom);
    const shares = dirichlet(peers, alpha, classRandom);
    let cumulative = 0;
    let start = 0;
    for (let peer = 0; peer < peers; peer++) {
      cumulative += shares[peer];
      const end = peer === peers - 1 ? order.length : Math.round(Math.min(1, cumulative) * order.length);
      for (let i = start; i < end; i++) shards[peer].push(order[i]);
      start = Math.max(start, end);
    }
  }
  return shards;
}

/** Moves samples from the largest shard to the smallest until each has `samplesMin`. */
function level(shards: number[][], samplesMin: number): void {
  for (const shard of shards) {
    while (shard.length < samplesMin) {
      const giver = shards.reduce((best, other) => (other.length > best.length ? other : best));
      const taken = giver.pop();
      assert(taken !== undefined && giver !== shard);
      shard.push(taken);
    }
  }
}

function smallest(shards: readonly (readonly number[])[]): number {
  return shards.reduce((least, shard) => Math.min(least, shard.length), Number.POSITIVE_INFINITY);
}

/** Normalised gamma draws, kept as logarithms because a small alpha underflows. */
function dirichlet(length: number, alpha: number, random: Random): number[] {
  const logs = Array.from({ length }, () => logGamma(alpha, random));
  const largest = Math.max(...logs);
  const weights = logs.map((value) => Math.exp(value - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Logarithm of a Gamma(alpha, 1) draw: Marsaglia and Tsang, 2000, with their step for alpha below one. */
function logGamma(alpha: number, random: Random): number {
  if (alpha < 1) return logGamma(alpha + 1, random) + Math.log(positiveFloat(random)) / alpha;
  const d = alpha - 1 / 3;
  const c = 1 / Math.sqrt(9 * d);
  for (;;) {
    const x = normal(random);
    const v = (1 + c * x) ** 3;
    if (v > 0 && Math.log(positiveFloat(random)) < (x * x) / 2 + d - d * v + d * Math.log(v)) {
      return Math.log(d) + Math.log(v);
    }
  }
}

function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(positiveFloat(random))) * Math.cos(2 * Math.PI * random.float());
}

function positiveFloat(random: Random): number {
  return 1 - random.float();
}

function shuffled(indices: readonly number[], random: Random): number[] {
  const order = [...indices];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

function ascending(a: number, b: number): number {
  return a - b;
}

function checkCounts(samples: number, peers: number): void {
  assert(Number.isInteger(peers) && peers > 0);
  if (samples >= peers) return;
  const text = `${samples} samples cannot be shared among ${peers} peers without an empty shard`;
  throw new DataError('MELDMESH_DATA_PARTITION', text, { file: 'partition' });
}

/**
 * `{"peers": [[indices into the training set] …]}`: as many lists as peers, none empty, indices whole, below
 * `samples` and each at most once. Throws a DataError that names peer (row) and entry (column).
 */
export function parsePartitionFile(
  text: string,
  expected: { readonly samples: number; readonly peers: number; readonly fileName?: string },
): Partition {
  const { samples, peers, fileName: file = 'partition' } = expected;
  const fail = (reason: string, row?: number, column?: number) =>
    new DataError('MELDMESH_DATA_PARTITION', reason, { file, row, column });
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new DataError('MELDMESH_DATA_PARTITION', 'this is not JSON', { file, cause });
  }
  if (typeof parsed !== 'object' || parsed === null || !('peers' in parsed) || !Array.isArray(parsed.peers)) {
    throw fail('it must be {"peers": [[indices] …]}');
  }
  const unknown = Object.keys(parsed).find((key) => key !== 'peers');
  if (unknown !== undefined) throw fail(`the key "${unknown}" is not known, only "peers" is`);
  const lists: readonly unknown[] = parsed.peers;
  if (lists.length !== peers) throw fail(`it has ${lists.length} shards for ${peers} peers`);
  const owner = new Int32Array(samples);
  return lists.map((list, peer) => {
    if (!Array.isArray(list) || list.length === 0)
      throw fail('a shard must be a list with at least one index', peer + 1);
    const indices: number[] = list.map((index: unknown, entry) => {
      if (typeof index !== 'number' || !Number.isInteger(index) || index < 0 || index >= samples) {
        throw fail(
          `index ${String(index).slice(0, 24)} is not from 0 to ${samples - 1}`,
          peer + 1,
          entry + 1,
        );
      }
      if (owner[index] !== 0) {
        throw fail(`index ${index} was already given to peer ${owner[index]}`, peer + 1, entry + 1);
      }
      owner[index] = peer + 1;
      return index;
    });
    return indices.sort(ascending);
  });
}
