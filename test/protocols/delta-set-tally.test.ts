// A tally that is kept beside one that is made anew: whatever comes and goes, they say the same.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { changeBetween } from '../../protocols/delta-set/change.ts';
import { Tally } from '../../protocols/delta-set/tally.ts';
import type { PeerId } from '../../protocols/index.ts';
import { recordOf } from './delta-records.ts';

const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
const samples = fc.integer({ min: 1, max: 1_000 });
const claims = fc
  .dictionary(fc.constantFrom(...NAMES), samples)
  .map((of) => new Map(Object.entries(of)) as unknown as ReadonlyMap<PeerId, number>);
const records = NAMES.map((author, i) => recordOf({ author, generation: 1, samples: 10 + 200 * i }));
const subsets = fc.array(fc.subarray([...records]), { minLength: 1, maxLength: 8 });

describe('a tally of a generation', () => {
  it('is the same whether it was followed all along or begun now', () => {
    fc.assert(
      fc.property(
        claims,
        claims,
        fc.option(samples, { nil: undefined }),
        subsets,
        (named, slow, weightMax, lists) => {
          const live = { samples: named, slow, weightMax };
          const followed = new Tally(live);
          for (const list of lists) {
            followed.follow(list);
            const anew = new Tally(live).follow(list);
            assert.deepEqual(
              [followed.have, followed.absent, followed.absentSamples],
              [anew.have, anew.absent, anew.absentSamples],
            );
          }
        },
      ),
      { seed: 1 },
    );
  });

  it('tells whom it misses and what all who are missing weigh', () => {
    const named = new Map([
      ['a', 100],
      ['b', 300],
    ]) as unknown as ReadonlyMap<PeerId, number>;
    const slow = new Map([['c', 50]]) as unknown as ReadonlyMap<PeerId, number>;
    const tally = new Tally({ samples: named, slow, weightMax: 200 });
    assert.deepEqual([tally.have, tally.absent, tally.absentSamples], [0, 2, 350]);
    tally.follow([recordOf({ author: 'b', generation: 1, samples: 900 })]);
    assert.deepEqual([tally.have, tally.absent, tally.absentSamples], [200, 1, 150]);
  });

  it('finds where two lists differ', () => {
    assert.deepEqual(changeBetween([1, 2, 3], [1, 9, 3]), { first: 1, lastBefore: 2, lastAfter: 2 });
    assert.deepEqual(changeBetween([1, 3], [1, 2, 3]), { first: 1, lastBefore: 1, lastAfter: 2 });
    assert.deepEqual(changeBetween([1, 2], [1, 2]), { first: 2, lastBefore: 2, lastAfter: 2 });
  });
});
