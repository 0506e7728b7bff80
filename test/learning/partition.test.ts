import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { createRandom } from '../../fusion/index.ts';
import {
  DataError,
  type Partition,
  parsePartitionFile,
  parsePartitionName,
  partitionDirichlet,
  partitionIid,
} from '../../learning/index.ts';

function assertSharesAll(partition: Partition, samples: number): void {
  const all = partition.flat().sort((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: samples }, (_, index) => index),
  );
}

function assertPartitionError(text: string, message: RegExp): void {
  assert.throws(
    () => parsePartitionFile(text, { samples: 4, peers: 2, fileName: 'p.json' }),
    (error: unknown) => error instanceof DataError && message.test(error.message),
    text,
  );
}

describe('a partition', () => {
  const sizes = fc.record({ peers: fc.integer({ min: 1, max: 20 }), extra: fc.nat(300), seed: fc.string() });

  it('that is iid gives every sample to one peer, in shards that differ by at most one', () => {
    const property = fc.property(sizes, ({ peers, extra, seed }) => {
      const shards = partitionIid({ samples: peers + extra, peers, random: createRandom(seed) });
      assertSharesAll(shards, peers + extra);
      const lengths = shards.map((shard) => shard.length);
      assert(Math.max(...lengths) - Math.min(...lengths) <= 1);
    });
    fc.assert(property, { seed: 3, numRuns: 100 });
  });

  it('by Dirichlet shares gives every sample to one peer and a batch to each where there is enough', () => {
    const property = fc.property(
      sizes,
      fc.constantFrom(0.001, 0.1, 0.5, 100),
      ({ peers, extra, seed }, alpha) => {
        const random = createRandom(seed);
        const labels = Array.from({ length: peers + extra }, () => random.below(3));
        const shards = partitionDirichlet({ labels, classes: 3, peers, alpha, random, samplesMin: 8 });
        assertSharesAll(shards, labels.length);
        const least = Math.min(8, Math.floor(labels.length / peers));
        for (const shard of shards) assert(shard.length >= least);
      },
    );
    fc.assert(property, { seed: 3, numRuns: 60 });
  });

  it('is the same for the same seed and another one for another seed', () => {
    const labels = Array.from({ length: 500 }, (_, index) => index % 10);
    const draw = (seed: string) =>
      partitionDirichlet({ labels, classes: 10, peers: 5, alpha: 0.5, random: createRandom(seed) });
    assert.deepEqual(draw('a'), draw('a'));
    assert.notDeepEqual(draw('a'), draw('b'));
  });

  it('is the more skewed the smaller alpha is', () => {
    const labels = Array.from({ length: 5_000 }, (_, index) => index % 10);
    const largestShare = (alpha: number) => {
      const shards = partitionDirichlet({
        labels,
        classes: 10,
        peers: 10,
        alpha,
        random: createRandom('skew'),
      });
      const shares = shards.map((shard) => {
        const counts = new Array<number>(10).fill(0);
        for (const index of shard) counts[labels[index]]++;
        return Math.max(...counts) / shard.length;
      });
      return shares.reduce((sum, share) => sum + share, 0) / shares.length;
    };
    const [strong, medium, weak] = [largestShare(0.1), largestShare(0.5), largestShare(1_000)];
    assert(strong > medium && medium > weak, `${strong} ${medium} ${weak}`);
    assert(weak < 0.13);
  });

  it('of fewer samples than peers is refused', () => {
    assert.throws(() => partitionIid({ samples: 2, peers: 3, random: createRandom('a') }), DataError);
  });
});

describe('a partition file', () => {
  it('of this repository shares the first 8,000 digits among ten peers', () => {
    for (const name of ['partition-iid.json', 'partition-dir0.5.json']) {
      const text = readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8');
      assertSharesAll(parsePartitionFile(text, { samples: 8_000, peers: 10 }), 8_000);
    }
  });

  it('that is not exactly what it should be is refused with peer and entry', () => {
    assertPartitionError('{', /not JSON/);
    assertPartitionError('[]', /must be/);
    assertPartitionError('{"peers":{}}', /must be/);
    assertPartitionError('{"peers":[[0],[1]],"seed":1}', /key "seed"/);
    assertPartitionError('{"peers":[[0]]}', /1 shards for 2 peers/);
    assertPartitionError('{"peers":[[0],[]]}', /p\.json, row 2: .* at least one/);
    assertPartitionError('{"peers":[[0],[1,4]]}', /row 2, column 2: index 4 is not from 0 to 3/);
    assertPartitionError('{"peers":[[0],["1"]]}', /index 1 is not/);
    assertPartitionError('{"peers":[[0.5],[1]]}', /index 0\.5 is not/);
    assertPartitionError('{"peers":[[0,2],[1,2]]}', /row 2, column 2: index 2 was already given to peer 1/);
  });
});

describe('the name of a partition', () => {
  it('is iid, dirichlet with a number, or a file', () => {
    assert.deepEqual(parsePartitionName('iid'), { kind: 'iid' });
    assert.deepEqual(parsePartitionName('dirichlet:0.5'), { kind: 'dirichlet', alpha: 0.5 });
    assert.deepEqual(parsePartitionName('file:a/b.json'), { kind: 'file', path: 'a/b.json' });
    for (const text of [
      '',
      'dirichlet',
      'dirichlet:',
      'dirichlet:0',
      'dirichlet:-1',
      'dirichlet:x',
      'file:',
      'IID',
    ]) {
      assert.throws(() => parsePartitionName(text), DataError, text);
    }
  });
});
