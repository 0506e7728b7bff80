// Who gets which digits in a mesh on this machine, and the files that say so. Only labels are looked at.
import { readFileSync } from 'node:fs';
import { createRandom } from '../../fusion/index.ts';
import {
  DataError,
  type Partition,
  parsePartitionFile,
  parsePartitionName,
  partitionDirichlet,
  partitionIid,
} from '../../learning/index.ts';
import { loadMnist } from '../../node/index.ts';
import { CliError } from '../errors.ts';

/** Enough for the promised accuracy and small enough for a minute. */
export const SAMPLES_DEFAULT = 8_000;
export const MNIST_SAMPLES = 60_000;

export interface ShardsOptions {
  /** `iid`, `dirichlet:A` or `file:F`. */
  readonly partition: string;
  readonly peers: number;
  /** First digits of the training set; absent: 8,000, or all that a file names. */
  readonly samples: number | undefined;
  readonly batch: number;
  readonly seed: string;
}

/**
 * Ascending indices into MNIST's training digits, one list for each peer, none empty. The same options give the
 * same shards.
 * @throws DataError MELDMESH_DATA_PARTITION
 */
export function drawShards(options: ShardsOptions): Partition {
  const name = parsePartitionName(options.partition);
  const { peers } = options;
  const random = createRandom(options.seed).fork('partition');
  const samples = options.samples ?? SAMPLES_DEFAULT;
  switch (name.kind) {
    case 'iid':
      return partitionIid({ samples, peers, random });
    case 'dirichlet': {
      const { labels, classes } = loadMnist({ samples, testSamples: 1 }).train;
      return partitionDirichlet({
        labels,
        classes,
        peers,
        alpha: name.alpha,
        random,
        samplesMin: options.batch,
      });
    }
    case 'file':
      return parsePartitionFile(readPartition(name.path), {
        samples: options.samples ?? MNIST_SAMPLES,
        peers,
        fileName: name.path,
      });
  }
}

function readPartition(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    const text = 'the partition file cannot be read; check the path';
    throw new DataError('MELDMESH_DATA_FILE', text, { file: path, cause });
  }
}

/** The text of a shard's file: `{"indices":[…]}`. */
export function encodeIndices(indices: readonly number[]): string {
  return `${JSON.stringify({ indices })}\n`;
}

/**
 * Reads `{"indices":[…]}`, or a plain list: whole, from 0 up, ascending order not needed, none twice.
 * @throws CliError MELDMESH_STORE_FILE
 */
export function decodeIndices(text: string, fileName: string): readonly number[] {
  const fail = (reason: string) =>
    new CliError('MELDMESH_STORE_FILE', `${fileName}: ${reason}`, {
      hint: 'It must be {"indices": [0, 1, …]}',
    });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fail('this is not JSON');
  }
  const list: unknown =
    typeof value === 'object' && value !== null && 'indices' in value ? value.indices : value;
  if (!Array.isArray(list) || list.length === 0) throw fail('there is no index in it');
  const seen = new Set<number>();
  for (const [position, index] of list.entries()) {
    if (typeof index !== 'number' || !Number.isInteger(index) || index < 0) {
      throw fail(`entry ${position + 1} is no index`);
    }
    if (seen.has(index)) throw fail(`entry ${position + 1} repeats index ${index}`);
    seen.add(index);
  }
  return [...seen];
}
