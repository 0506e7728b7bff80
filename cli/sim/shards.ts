// The data of a simulation: every member's own samples and the test set that all models are scored on.
import { createRandom, type Random } from '../../fusion/index.ts';
import {
  type Dataset,
  firstSamples,
  type Partition,
  parsePartitionFile,
  parsePartitionName,
  partitionDirichlet,
  partitionIid,
  subset,
} from '../../learning/index.ts';
import { loadData, loadMnist } from '../../node/index.ts';
import type { Manifest } from '../../protocols/index.ts';
import type { Scenario } from '../../sim/index.ts';
import { drawShards } from '../mesh/shards.ts';
import { readTextFile } from '../stores.ts';

export interface SimData {
  /** In the order of the peers. */
  readonly shards: readonly Dataset[];
  readonly test: Dataset;
}

type TrainedLearner = Extract<Scenario['learner'], { kind: 'train' }>;

/**
 * Loads and shares out. Digits are shared out as `meldmesh mesh` with the same seed does.
 * @throws DataError when there is no such data, or too little of it
 */
export function loadShards(
  learner: TrainedLearner,
  world: { readonly manifest: Manifest; readonly peers: number; readonly seed: string },
): SimData {
  const { partition, samples, testSamples } = learner;
  const { manifest, peers, seed } = world;
  const { batch } = manifest.training;
  if (learner.data === 'mnist') {
    const indices = drawShards({ partition, peers, samples, batch, seed });
    const last = indices.flat().reduce((max, index) => Math.max(max, index), 0);
    const { train, test } = loadMnist({ samples: last + 1, testSamples });
    return { shards: indices.map((own) => subset(train, own)), test };
  }
  const { inputs, classes } = manifest.data;
  // Without a test set of its own, every fifth sample is kept back.
  const loaded = loadData(learner.data, { expected: { inputs, classes }, testSplit: 0.2 });
  const train = samples === undefined ? loaded.train : firstSamples(loaded.train, samples);
  const test = loaded.test ?? loaded.train;
  const random = createRandom(seed).fork('partition');
  const indices = partitionOf(train, { name: partition, peers, batch, random });
  return {
    shards: indices.map((own) => subset(train, own)),
    test: testSamples === undefined ? test : firstSamples(test, testSamples),
  };
}

function partitionOf(
  { labels, classes, count }: Dataset,
  wanted: {
    readonly name: string;
    readonly peers: number;
    readonly batch: number;
    readonly random: Random;
  },
): Partition {
  const { peers, random, batch } = wanted;
  const name = parsePartitionName(wanted.name);
  switch (name.kind) {
    case 'iid':
      return partitionIid({ samples: count, peers, random });
    case 'dirichlet':
      return partitionDirichlet({ labels, classes, peers, alpha: name.alpha, random, samplesMin: batch });
    case 'file':
      return parsePartitionFile(readTextFile(name.path, 'MELDMESH_STORE_FILE'), {
        samples: count,
        peers,
        fileName: name.path,
      });
  }
}
