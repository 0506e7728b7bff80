// The replicated set against a slow and obvious one that works everything out from scratch, and the stories of
// authors who sign twice and of generations with more authors than there is room for.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { DeltaRecord } from '../../protocols/index.ts';
import { recordOf } from './delta-records.ts';
import {
  assertConsistent,
  byRank,
  filled,
  GENERATIONS,
  histories,
  ids,
  obviousView,
  smallestFirst,
  viewOf,
  WINDOW,
} from './record-histories.ts';

const seeded = { seed: 31, numRuns: 200 };

/** The same history in two orders, with repetitions, and room for fewer authors than there are. */
const reordered = (perAuthorMax: number) =>
  histories(perAuthorMax).chain((records) =>
    fc.record({
      one: fc.shuffledSubarray([...records], { minLength: records.length }),
      two: fc.shuffledSubarray([...records, ...records], { minLength: 2 * records.length }),
      contributorsMax: fc.integer({ min: 2, max: 5 }),
    }),
  );

describe('the record set', () => {
  it('is the same after any order, repetitions included, and as its definition says', () => {
    const seen = { equivocations: 0, evictions: 0, unknown: 0 };
    fc.assert(
      fc.property(reordered(2), ({ one, two, contributorsMax }) => {
        const view = viewOf(filled(one, { contributorsMax }));
        assert.deepEqual(view, viewOf(filled(two, { contributorsMax })));
        assert.deepEqual(view, obviousView(one, { contributorsMax }));
        seen.evictions += one.length - view.flatMap(({ held }) => held).length;
        const set = filled(one, { contributorsMax });
        for (let generation = 1; generation <= GENERATIONS; generation++) {
          const authors = set.held(generation).map(({ author }) => author);
          seen.equivocations += authors.length - new Set(authors).size;
          const jury = set.counted(generation + WINDOW);
          seen.unknown += jury.length > 0 ? authors.length - set.counted(generation).length : 0;
        }
      }),
      seeded,
    );
    for (const [what, count] of Object.entries(seen)) assert(count > 50, `${what}: ${count}`);
  });

  it('says of each addition what it pushed out, and from which generation on other records count', () => {
    fc.assert(
      fc.property(reordered(6), ({ two, contributorsMax }) => {
        const set = filled([], { contributorsMax });
        for (const record of two) {
          const before = viewOf(set);
          const isHeld = set.has(record.id, record.generation);
          const wouldKeep = set.wouldKeep(record);
          const { outcome, changedFrom, evicted = [] } = set.add(record);
          const after = viewOf(set);
          const first = after.findIndex((view, i) => `${view.counted}` !== `${before[i].counted}`);
          assert.equal(changedFrom, first === -1 ? undefined : first);
          assert.equal(outcome === 'duplicate', isHeld);
          if (outcome === 'duplicate' || outcome === 'surplus') {
            assert.deepEqual(after, before);
            assert.equal(wouldKeep, isHeld);
            continue;
          }
          assert(wouldKeep);
          assert(evicted.every(({ generation }) => generation === record.generation));
          const kept = new Set([...before[record.generation].held, record.id]);
          for (const { id } of evicted) assert(kept.delete(id), 'what goes was there');
          assert.deepEqual(after[record.generation].held, [...kept].sort());
        }
        assertConsistent(set);
      }),
      seeded,
    );
  });

  it('forgets what is sealed and does not take it again; nothing above changes', () => {
    fc.assert(
      fc.property(reordered(2), fc.integer({ min: 0, max: GENERATIONS + 1 }), ({ one, two }, floor) => {
        const set = filled(one);
        const before = viewOf(set);
        const forgotten = set.seal(floor);
        assert.equal(set.floor, floor);
        assert(forgotten.every(({ generation }) => generation <= floor));
        assert.equal(forgotten.length, before.slice(0, floor + 1).flatMap(({ held }) => held).length);
        assert.deepEqual(viewOf(set).slice(floor + 1), before.slice(floor + 1));
        for (const record of two) set.add(record);
        assert.deepEqual(viewOf(set), obviousView(one, { floor }));
        assert.equal(set.top, Math.max(floor, ...one.map(({ generation }) => generation)));
        assert([...set.all()].every(({ generation }) => generation > floor));
      }),
      seeded,
    );
  });

  it('agrees above both floors with a set that was sealed higher', () => {
    fc.assert(
      fc.property(reordered(2), fc.nat(GENERATIONS), ({ one, two, contributorsMax }, floor) => {
        const late = filled(two, { contributorsMax, floor });
        const whole = filled(one, { contributorsMax });
        assert.deepEqual(viewOf(late).slice(floor + 1), viewOf(whole).slice(floor + 1));
      }),
      seeded,
    );
  });
});

describe('an author that signs two records for one generation', () => {
  const people = ['anna', 'bert', 'cleo'];
  const of = (generation: number, knows: readonly DeltaRecord[] = []) =>
    people.map((author) => recordOf({ author, generation, knows }));
  const twins = (count: number) =>
    Array.from({ length: count }, (_, i) => recordOf({ author: 'anna', generation: 1, variant: i + 1 }));

  it('has no weight there while nothing is judged, whichever came first; nobody else loses any', () => {
    const [first, second, third] = smallestFirst(twins(3));
    const other = recordOf({ author: 'bert', generation: 1 });
    const set = filled([other, third]);
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst([other, third])));
    assert.deepEqual(set.add(first), { outcome: 'equivocation', changedFrom: 1, evicted: [] });
    assert.deepEqual(ids(set.counted(1)), [other.id]);
    assert.deepEqual(set.add(second), {
      outcome: 'equivocation',
      changedFrom: undefined,
      evicted: [third],
    });
    assert.deepEqual(set.add(third), { outcome: 'surplus' });
    assert.deepEqual(ids(set.counted(1)), [other.id]);
    assert.deepEqual(set.get(first.id, 1), first);
    assert.deepEqual([...set.all()], smallestFirst([first, second, other]));
  });

  it('keeps two records in the set, however many it signs', () => {
    const many = twins(60);
    assert.deepEqual(ids(filled(many).held(1)), ids(smallestFirst(many).slice(0, 2)));
  });

  it('changes nothing once the jury has decided, however many it signs and whatever they claim', () => {
    const honest = of(1);
    const late = [0, 1, 2, 3, 4, 5].flatMap((variant) =>
      [1, 100, 10_000_000].flatMap((samples) =>
        people.map((author) => recordOf({ author, generation: 1, variant: variant + 1, samples })),
      ),
    );
    // Two of three jurors decide, so that second records cannot turn the half into less than a half either.
    for (const jurors of [2, 3]) {
      const set = filled([...honest, ...of(3, honest).slice(0, jurors)]);
      for (const record of late) {
        const { outcome, changedFrom } = set.add(record);
        assert(outcome === 'equivocation' || outcome === 'surplus');
        assert.equal(changedFrom, undefined);
        assert.deepEqual(ids(set.counted(1)), ids(smallestFirst(honest)));
      }
      for (const { id } of honest) assert(set.has(id, 1), 'what the jury knew is kept');
    }
  });

  it('has the weight of the one that the jury knew, if it knew only one', () => {
    const honest = of(1);
    const [twin] = twins(1);
    const set = filled([...honest, twin]);
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst(honest.slice(1))));
    for (const juror of of(3, honest)) set.add(juror);
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst(honest)));
  });

  it('has no weight for good when the jury knew both', () => {
    const honest = of(1);
    const [twin, third] = twins(2);
    const set = filled([...honest, twin, ...of(3, [...honest, twin])]);
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst(honest.slice(1))));
    assert.deepEqual(set.add(third), { outcome: 'surplus' });
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst(honest.slice(1))));
  });

  it('cannot push out the record that the jury knew by smaller ids', () => {
    const signed = smallestFirst(twins(5));
    const known = signed[4];
    const set = filled([known, ...of(3, [known])]);
    for (const record of [...signed.slice(0, 4)].reverse()) {
      assert.equal(set.add(record).outcome, 'equivocation');
      assert.deepEqual(ids(set.held(1)), ids([record, known]));
      assert.deepEqual(ids(set.counted(1)), [known.id]);
    }
  });
});

describe('a generation with more authors than there is room for', () => {
  const names = Array.from({ length: 12 }, (_, i) => `author ${i}`);
  const of = (generation: number) => names.map((author) => recordOf({ author, generation }));

  it('keeps those of lowest rank, who are others in each generation', () => {
    const set = filled([...of(1), ...of(2)], { contributorsMax: 3 });
    const kept = [1, 2].map((generation) => set.held(generation).map(({ author }) => author as string));
    for (const [i, authors] of kept.entries()) {
      assert.deepEqual(byRank(i + 1, authors), byRank(i + 1, names).slice(0, 3));
    }
    assert.notDeepEqual(new Set(kept[0]), new Set(kept[1]));
  });

  it('lets the author of highest rank go with both of its records, and does not take it again', () => {
    const ranked = byRank(1, names);
    const record = (place: number, variant = 0) =>
      recordOf({ author: ranked[place], generation: 1, variant });
    const last = [record(5), record(5, 1)];
    const set = filled([record(2), ...last], { contributorsMax: 2 });
    assert.deepEqual(set.add(record(7)), { outcome: 'surplus' });
    const { outcome, evicted = [], changedFrom } = set.add(record(0));
    assert.deepEqual([outcome, changedFrom], ['added', 1]);
    assert.deepEqual(ids(smallestFirst(evicted)), ids(smallestFirst(last)));
    for (const gone of last) assert.deepEqual(set.add(gone), { outcome: 'surplus' });
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst([record(0), record(2)])));
  });
});
