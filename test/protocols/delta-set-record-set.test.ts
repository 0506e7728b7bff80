// The replicated set against a slow and obvious one that forgets nothing and works everything out from scratch.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import { countedRecords } from '../../protocols/delta-set/rules.ts';
import { type DeltaRecord, type Hash, RecordSet } from '../../protocols/index.ts';
import { recordOf } from './delta-records.ts';

const WINDOW = 2;
const GENERATIONS = 6;
const AUTHORS = ['anna', 'bert', 'cleo'] as const;
const seeded = { seed: 31, numRuns: 120 };

const newSet = (): RecordSet => new RecordSet({ correctionWindow: WINDOW, hash: hashOf });

function filled(records: readonly DeltaRecord[]): RecordSet {
  const set = newSet();
  for (const record of records) set.add(record);
  return set;
}

/** Everything that members must agree on. */
const viewOf = (set: RecordSet) =>
  Array.from({ length: GENERATIONS + 1 }, (_, generation) => ({
    counted: set.counted(generation).map(({ id }) => id),
    live: set.live(generation).map(({ id }) => id),
    digest: set.digest(generation),
    ids: set.idsForSync(generation).map(({ id }) => id),
  }));

const smallestFirst = (records: readonly DeltaRecord[]): readonly DeltaRecord[] =>
  [...records].sort((a, b) => (a.id < b.id ? -1 : 1));

/** The same view, from the definition: every record ever seen, no state, highest generation first. */
function obviousView(records: readonly DeltaRecord[], floor = 0) {
  const view = new Map<number, ReturnType<typeof viewOf>[number] & { records: readonly DeltaRecord[] }>();
  for (let generation = GENERATIONS + WINDOW; generation >= 0; generation--) {
    const held: DeltaRecord[] = [];
    const live: DeltaRecord[] = [];
    for (const author of AUTHORS) {
      const distinct = new Map(
        records
          .filter((record) => record.author === author && record.generation === generation)
          .map((record) => [record.id, record]),
      );
      const own = generation > floor ? smallestFirst([...distinct.values()]).slice(0, 2) : [];
      held.push(...own);
      const isEquivocator = own.length === 2 && own[0].sequence === own[1].sequence;
      if (own.length > 0 && !isEquivocator) live.push(own[0]);
    }
    const jury = view.get(generation + WINDOW)?.records ?? [];
    const counted = countedRecords(smallestFirst(live), jury);
    const ids = smallestFirst(held).map(({ id }) => id);
    view.set(generation, {
      records: counted,
      counted: counted.map(({ id }) => id),
      live: smallestFirst(live).map(({ id }) => id),
      digest: ids.length === 0 ? '' : hashOf(new TextEncoder().encode(ids.join(''))).slice(0, 16),
      ids,
    });
  }
  return Array.from({ length: GENERATIONS + 1 }, (_, generation) => {
    const of = view.get(generation);
    assert(of !== undefined);
    const { records: _records, ...rest } = of;
    return rest;
  });
}

/** A history with equivocations, several sequence numbers a generation, and jurors who knew this and that. */
const history = fc
  .array(
    fc.record({
      author: fc.constantFrom(...AUTHORS),
      generation: fc.integer({ min: 1, max: GENERATIONS }),
      sequence: fc.integer({ min: 1, max: 2 }),
      variant: fc.nat(2),
      samples: fc.constantFrom(1, 10, 100, 5_000),
      knows: fc.array(fc.nat(), { maxLength: 6 }),
    }),
    { minLength: 4, maxLength: 40, size: 'max' },
  )
  .map((sketches) => {
    const records: DeltaRecord[] = [];
    for (const { knows, ...sketch } of [...sketches].sort((a, b) => a.generation - b.generation)) {
      const before = records.filter(({ generation }) => generation === sketch.generation - WINDOW);
      const known = before.length === 0 ? [] : knows.map((choice) => before[choice % before.length]);
      records.push(recordOf({ ...sketch, knows: known }));
    }
    return records;
  });
/** The same history in two orders, with repetitions. */
const reordered = history.chain((records) =>
  fc.record({
    one: fc.shuffledSubarray(records, { minLength: records.length }),
    two: fc.shuffledSubarray([...records, ...records], { minLength: 2 * records.length }),
  }),
);

describe('the record set', () => {
  it('is the same after any order, repetitions included, and as its definition says', () => {
    let equivocations = 0;
    fc.assert(
      fc.property(reordered, ({ one, two }) => {
        const view = viewOf(filled(one));
        assert.deepEqual(view, viewOf(filled(two)));
        assert.deepEqual(view, obviousView(one));
        equivocations += view.filter(({ ids, live }) => ids.length > 0 && live.length === 0).length;
      }),
      seeded,
    );
    assert(equivocations > 20, `the histories hold equivocations: ${equivocations}`);
  });

  it('says of each addition from which generation on other records count', () => {
    fc.assert(
      fc.property(reordered, ({ two }) => {
        const set = newSet();
        for (const record of two) {
          const before = viewOf(set);
          const added = set.add(record);
          const after = viewOf(set);
          const first = after.findIndex((view, i) => `${view.counted}` !== `${before[i].counted}`);
          const changedFrom = 'changedFrom' in added ? added.changedFrom : undefined;
          assert.equal(changedFrom, first === -1 ? undefined : first);
          if (added.outcome === 'duplicate' || added.outcome === 'surplus') assert.deepEqual(after, before);
          else assert(set.has(record.id, record.generation));
        }
      }),
      seeded,
    );
  });

  it('keeps two records of an author and generation, however many are signed', () => {
    const set = newSet();
    const many = Array.from({ length: 60 }, (_, variant) =>
      recordOf({ author: 'anna', generation: 3, sequence: variant % 20, variant }),
    );
    for (const record of many) set.add(record);
    assert.deepEqual(
      set.idsForSync(3).map(({ id }) => id),
      smallestFirst(many)
        .slice(0, 2)
        .map(({ id }) => id),
    );
  });

  it('forgets what is sealed and does not take it again; nothing above changes', () => {
    fc.assert(
      fc.property(reordered, fc.integer({ min: 0, max: GENERATIONS + 1 }), ({ one, two }, floor) => {
        const set = filled(one);
        const before = viewOf(set);
        const forgotten = set.seal(floor);
        assert.equal(set.floor, floor);
        assert(forgotten.every(({ generation }) => generation <= floor));
        assert.equal(forgotten.length, before.slice(0, floor + 1).flatMap(({ ids }) => ids).length);
        assert.deepEqual(viewOf(set).slice(floor + 1), before.slice(floor + 1));
        for (const record of two) set.add(record);
        assert.deepEqual(viewOf(set), obviousView(one, floor));
        assert.equal(set.top, Math.max(floor, ...one.map(({ generation }) => generation)));
        assert([...set.all()].every(({ generation }) => generation > floor));
      }),
      seeded,
    );
  });

  it('agrees above both floors with a set that was sealed higher', () => {
    fc.assert(
      fc.property(reordered, fc.nat(GENERATIONS), ({ one, two }, floor) => {
        const late = newSet();
        late.seal(floor);
        for (const record of two) late.add(record);
        assert.deepEqual(viewOf(late).slice(floor + 1), viewOf(filled(one)).slice(floor + 1));
      }),
      seeded,
    );
  });

  it('makes two sets equal in one exchange of the ids where digests differ', () => {
    fc.assert(
      fc.property(reordered, fc.nat(), fc.nat(), ({ one }, a, b) => {
        const left = filled(one.slice(0, a % (one.length + 1)));
        const right = filled(one.slice(b % (one.length + 1)));
        const offers = [left, right].map((set, i) => offered(set, [right, left][i]));
        for (const record of offers[1]) left.add(record);
        for (const record of offers[0]) right.add(record);
        assert.deepEqual(viewOf(left), viewOf(right));
      }),
      seeded,
    );
  });

  it('voids both halves of an equivocation whichever came first, and says so once for each new half', () => {
    const [first, second, third] = smallestFirst(
      [0, 1, 2].map((variant) => recordOf({ author: 'anna', generation: 1, variant })),
    );
    const other = recordOf({ author: 'bert', generation: 1 });
    const set = filled([other, third]);
    assert.deepEqual(ids(set.counted(1)), ids(smallestFirst([other, third])));
    assert.deepEqual(set.add(first), { outcome: 'equivocation', changedFrom: 1, first: third });
    assert.deepEqual(ids(set.counted(1)), [other.id]);
    assert.equal(set.add(second).outcome, 'equivocation');
    assert.equal(set.add(third).outcome, 'surplus');
    assert.deepEqual(ids(set.counted(1)), [other.id]);
    assert.deepEqual(set.get(first.id, 1), first);
    assert.deepEqual([...set.all()], smallestFirst([first, second, other]));
  });

  it('counts the smaller id of two sequence numbers in one generation', () => {
    const two = smallestFirst(
      [1, 2].map((sequence) => recordOf({ author: 'anna', generation: 4, sequence })),
    );
    for (const order of [two, [...two].reverse()]) {
      const set = filled(order);
      assert.deepEqual(ids(set.counted(4)), [two[0].id]);
      assert.equal(set.idsForSync(4).length, 2);
    }
  });
});

const ids = (records: readonly { readonly id: Hash }[]): readonly Hash[] => records.map(({ id }) => id);

/** What `source` holds of the generations where the two differ. */
function offered(source: RecordSet, target: RecordSet): readonly DeltaRecord[] {
  return Array.from({ length: GENERATIONS + 1 }, (_, generation) => generation)
    .filter((generation) => source.digest(generation) !== target.digest(generation))
    .flatMap((generation) => source.idsForSync(generation))
    .map(({ id, generation }) => {
      const record = source.get(id, generation);
      assert(record !== undefined);
      return record;
    });
}
