// Sets that have heard different records in different orders, and exchange until nobody misses anything.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DeltaRecord } from '../../protocols/index.ts';
import { recordOf } from './delta-records.ts';
import {
  assertConsistent,
  byRank,
  exchange,
  filled,
  GENERATIONS,
  histories,
  ids,
  settle,
  smallestFirst,
  viewOf,
} from './record-histories.ts';

const seeded = { seed: 37, numRuns: 300 };

const authorsOf = (records: readonly DeltaRecord[]): readonly string[] => records.map(({ author }) => author);

/** Members of one mesh: one has heard everything, others a part, each in an order of its own. */
const meshes = fc
  .record({
    records: histories(6),
    contributorsMax: fc.integer({ min: 2, max: 3 }),
    others: fc.integer({ min: 1, max: 4 }),
  })
  .chain(({ records, contributorsMax, others }) =>
    fc.record({
      records: fc.constant(records),
      contributorsMax: fc.constant(contributorsMax),
      whole: fc.shuffledSubarray([...records], { minLength: records.length }),
      parts: fc.array(fc.shuffledSubarray([...records]), { minLength: others, maxLength: others }),
    }),
  );

describe('sets that exchange until nothing is missing', () => {
  it('hold the same and count the same, whatever each had heard and pushed out before', () => {
    const seen = { evicted: 0, different: 0, surplus: 0 };
    fc.assert(
      fc.property(meshes, ({ contributorsMax, parts, whole }) => {
        const sets = [whole, ...parts].map((heard) => filled(heard, { contributorsMax }));
        const before = sets.map(viewOf);
        settle(sets);
        const view = viewOf(sets[0]);
        for (const set of sets) {
          assert.deepEqual(viewOf(set), view);
          assertConsistent(set);
        }
        const union = new Set(before.flat().flatMap(({ held }) => held));
        seen.evicted += union.size - [...sets[0].all()].length;
        seen.surplus += whole.length - union.size;
        seen.different += before.filter((own) => JSON.stringify(own) !== JSON.stringify(view)).length;
      }),
      seeded,
    );
    for (const [what, count] of Object.entries(seen)) assert(count > 100, `${what}: ${count}`);
  });

  it('hold of each generation the authors of lowest rank, two records of whoever signed more', () => {
    fc.assert(
      fc.property(meshes, ({ records, contributorsMax, parts, whole }) => {
        const sets = [whole, ...parts].map((heard) => filled(heard, { contributorsMax }));
        settle(sets);
        for (let generation = 1; generation <= GENERATIONS; generation++) {
          const all = records.filter((record) => record.generation === generation);
          const held = sets[0].held(generation);
          const authors = byRank(generation, authorsOf(all)).slice(0, contributorsMax);
          assert.deepEqual(byRank(generation, authorsOf(held)), authors);
          for (const author of authors) {
            const [signed, kept] = [all, held].map((of) => of.filter((record) => record.author === author));
            assert.equal(kept.length, Math.min(2, signed.length));
          }
        }
      }),
      seeded,
    );
  });

  it('agree above all floors where each has sealed as much as it liked', () => {
    const floors = fc.array(fc.nat(GENERATIONS), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(meshes, floors, ({ contributorsMax, parts, whole }, floors) => {
        const sets = [whole, ...parts].map((heard, i) =>
          filled(heard, { contributorsMax, floor: floors[i] }),
        );
        settle(sets);
        const highest = Math.max(...sets.map(({ floor }) => floor));
        for (const set of sets) {
          assert.deepEqual(viewOf(set).slice(highest + 1), viewOf(sets[0]).slice(highest + 1));
        }
      }),
      seeded,
    );
  });

  it('are equal after one exchange where nobody has signed a third record', () => {
    const two = fc.tuple(histories(2), fc.nat(), fc.nat(), fc.integer({ min: 2, max: 3 }));
    fc.assert(
      fc.property(two, ([records, a, b, contributorsMax]) => {
        const left = filled(records.slice(0, a % (records.length + 1)), { contributorsMax });
        const right = filled(records.slice(b % (records.length + 1)), { contributorsMax });
        exchange(left, right);
        assert.deepEqual(viewOf(left), viewOf(right));
        assert.equal(exchange(left, right), false);
      }),
      seeded,
    );
  });

  it('bring back what was pushed out before the jury that knew it was heard', () => {
    const signed = smallestFirst(
      [0, 1, 2, 3].map((variant) => recordOf({ author: 'anna', generation: 1, variant })),
    );
    const known = signed[3];
    const jury = ['bert', 'cleo'].map((author) => recordOf({ author, generation: 3, knows: [known] }));
    const early = filled([...signed, ...jury]);
    assert.deepEqual(ids(early.held(1)), ids(signed.slice(0, 2)), 'it was one too many');
    assert.deepEqual(early.counted(1), []);
    const late = filled([...jury, ...signed]);
    assert.deepEqual(ids(late.held(1)), ids([signed[0], known]));
    settle([early, late]);
    for (const set of [early, late]) {
      assert.deepEqual(ids(set.held(1)), ids([signed[0], known]));
      assert.deepEqual(ids(set.counted(1)), [known.id]);
    }
  });
});
