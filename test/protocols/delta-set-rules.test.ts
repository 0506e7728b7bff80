// The rules against slow and obvious versions of themselves, and against the stories they were made for.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  absentAuthors,
  absentCount,
  countedRecords,
  graceMs,
  hasQuorum,
  type Judged,
  observe,
  patienceMs,
  prefersBranch,
  progress,
  samplesOf,
  voteFor,
  weightMaxOf,
} from '../../protocols/delta-set/rules.ts';
import type { Hash, PeerId } from '../../protocols/index.ts';
import { arbitrary, hashNamed } from './delta-records.ts';

const seeded = { seed: 51, numRuns: 500 };

/** A record of an author, and what it knew of the generation one window back. */
const judged = (author: string, samples: number, knows: readonly Judged[] = []): Judged => ({
  id: hashNamed(`${author} ${samples}`),
  author: author as PeerId,
  samples,
  votes: new Set(knows.map(({ id }) => voteFor(id))),
});
const crowd = (count: number, samples = 100, prefix = 'm'): readonly Judged[] =>
  Array.from({ length: count }, (_, i) => judged(`${prefix}${i}`, samples));

/** The lower median is the smallest number that at least half of all do not exceed. */
const lowerMedian = (numbers: readonly number[]): number =>
  numbers
    .filter((each) => 2 * numbers.filter((other) => other <= each).length >= numbers.length)
    .reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);

/** The same from its definition, with samples as integers, so that shares are compared without any division. */
function obviouslyCounted(records: readonly Judged[], jury: readonly Judged[]): readonly Judged[] {
  const weightMax = 2 * lowerMedian(jury.map(({ samples }) => samples));
  let juryTotal = 0;
  for (const { samples } of jury) juryTotal += Math.min(samples, weightMax);
  const kept: Judged[] = [];
  const authors = [...new Set(records.map(({ author }) => author))];
  for (const record of records) {
    let known = 0;
    for (const { samples, votes } of jury) {
      if (votes.has(record.id.slice(0, 32))) known += Math.min(samples, weightMax);
    }
    const isJudged = 2 * jury.length > authors.length;
    if (!isJudged || 3 * known >= juryTotal) kept.push(record);
  }
  return kept.filter(({ author }) => kept.filter((other) => other.author === author).length === 1);
}

describe('which records count', () => {
  it('is decided by thirds of a jury of more than half as many, in whole numbers', () => {
    const samples = fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 10_000_000 }));
    const scene = fc
      .record({
        // Six authors who sign one record or two.
        signed: fc.uniqueArray(fc.tuple(arbitrary.hash, samples, fc.nat(5), fc.nat(1)), {
          maxLength: 9,
          selector: ([_id, _samples, author, which]) => `${author} ${which}`,
        }),
        jury: fc.array(fc.tuple(samples, fc.array(fc.nat(8))), { maxLength: 6 }),
      })
      .map(({ signed, jury }) => {
        const made = signed.map(
          ([id, samples, author]): Judged => ({
            id,
            author: `m${author}` as PeerId,
            samples,
            votes: new Set(),
          }),
        );
        return {
          records: made,
          jury: jury.map(([samples, known], i) =>
            judged(
              `m${i}`,
              samples,
              known.filter((k) => k < made.length).map((k) => made[k]),
            ),
          ),
        };
      });
    fc.assert(
      fc.property(scene, ({ records, jury }) => {
        assert.deepEqual(countedRecords(records, jury), obviouslyCounted(records, jury));
        assert.deepEqual(countedRecords(records, [...jury].reverse()), obviouslyCounted(records, jury));
      }),
      seeded,
    );
  });

  it('is all of them while there is no jury', () => {
    const records = crowd(3);
    assert.deepEqual(countedRecords(records, []), records);
    assert.deepEqual(countedRecords([], crowd(2)), []);
  });

  it('leaves out a delta that came when the jury had gone on without it, and keeps the others', () => {
    const inTime = crowd(9);
    const late = judged('late', 100);
    const jury = inTime.map(({ author }) => judged(author, 100, inTime));
    assert.deepEqual(countedRecords([...inTime, late], jury), inTime);
    // Five jurors for ten authors are no verdict: until the sixth has spoken, it counts.
    assert.deepEqual(countedRecords([...inTime, late], jury.slice(0, 5)), [...inTime, late]);
    assert.deepEqual(countedRecords([...inTime, late], jury.slice(0, 6)), inTime);
  });

  it('keeps a delta that a third of the jury knew, and not one sample less', () => {
    const records = crowd(3);
    const shared = records.slice(0, 2);
    const jury = (knowing: number) => [
      judged('a', knowing, records),
      ...['b', 'c'].map((name) => judged(name, 100, shared)),
    ];
    assert.deepEqual(countedRecords(records, jury(100)), records);
    assert.deepEqual(countedRecords(records, jury(99)), shared);
  });

  it('keeps both halves of a mesh that was cut in two', () => {
    const left = crowd(5, 100, 'left');
    const right = crowd(5, 100, 'right');
    const jury = [
      ...left.map(({ author }) => judged(author, 100, left)),
      ...right.map(({ author }) => judged(author, 100, right)),
    ];
    assert.deepEqual(countedRecords([...left, ...right], jury), [...left, ...right]);
  });

  it('gives the heavy branch the word over a light one of two in ten', () => {
    const heavy = crowd(8, 100, 'heavy');
    const light = crowd(2, 100, 'light');
    const jury = [
      ...heavy.map(({ author }) => judged(author, 100, heavy)),
      ...light.map(({ author }) => judged(author, 100, light)),
    ];
    assert.deepEqual(countedRecords([...heavy, ...light], jury), heavy);
  });

  it('does not let one early juror unseat what it did not know', () => {
    const records = crowd(5);
    assert.deepEqual(countedRecords(records, [judged('m0', 100, [records[0]])]), records);
  });

  it('lets a jury decide on a record that claims more samples than all others together', () => {
    const honest = crowd(9);
    const boaster = judged('boaster', 10_000_000);
    const jury = honest.map(({ author }) => judged(author, 100, honest));
    assert.deepEqual(countedRecords([...honest, boaster], jury), honest);
    const friend = judged('friend', 100);
    assert.deepEqual(countedRecords([...honest, boaster, friend], jury), honest);
  });

  it('is not decided by one juror for two authors, nor by half of them, whatever they claim', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 12 }),
        fc.integer({ min: 1, max: 10_000_000 }),
        (count, claim) => {
          const records = crowd(count);
          const liars = crowd(Math.floor(count / 2), claim, 'liar');
          assert.deepEqual(countedRecords(records, liars), records);
        },
      ),
      seeded,
    );
  });

  it('is not bent by a juror that claims more than all others together', () => {
    const honest = crowd(5);
    const late = judged('late', 100);
    const jury = honest.map(({ author }) => judged(author, 100, honest));
    const boaster = judged('boaster', 10_000_000, [late]);
    assert.deepEqual(countedRecords([...honest, late], [...jury, boaster]), honest);
  });

  it('counts a single record until it has been judged', () => {
    const alone = judged('alone', 100);
    assert.deepEqual(countedRecords([alone], []), [alone]);
    assert.deepEqual(countedRecords([alone], [judged('x', 1)]), []);
    assert.deepEqual(countedRecords([alone], [judged('x', 1, [alone])]), [alone]);
  });
});

describe('two records of one author', () => {
  const honest = crowd(3);
  const twinOf = ({ author }: Judged, samples = 101) => judged(author, samples);
  const jury = (knows: readonly Judged[]) => honest.map(({ author }) => judged(author, 100, knows));

  it('both lose their weight while there is no verdict, and for good when the jury knew both', () => {
    const twin = twinOf(honest[0]);
    const all = [...honest, twin];
    assert.deepEqual(countedRecords(all, []), honest.slice(1));
    assert.deepEqual(countedRecords(all, jury(all)), honest.slice(1));
  });

  it('are one for a jury that knew one, and none for a jury that knew neither', () => {
    const all = [...honest, twinOf(honest[0])];
    assert.deepEqual(countedRecords(all, jury(honest)), honest);
    assert.deepEqual(countedRecords(all, jury(honest.slice(1))), honest.slice(1));
  });

  it('cannot undo a verdict, whoever signs a second one and whatever it claims', () => {
    const claim = fc.constantFrom(1, 99, 100, 5_000, 10_000_000);
    const scene = fc.record({
      claims: fc.array(claim, { minLength: 1, maxLength: 7 }),
      jurors: fc.array(fc.tuple(claim, fc.array(fc.nat(6))), { minLength: 1, maxLength: 7 }),
      twins: fc.array(fc.tuple(fc.nat(6), fc.integer({ min: 200, max: 10_000_001 })), { minLength: 1 }),
    });
    let verdicts = 0;
    fc.assert(
      fc.property(scene, ({ claims, jurors, twins }) => {
        const records = claims.map((samples, i) => judged(`m${i}`, samples));
        const jury = jurors.map(([samples, known], i) =>
          judged(
            `j${i}`,
            samples,
            records.filter((_, r) => r > 0 && known.includes(r)),
          ),
        );
        // The first record shows whether there is a verdict: nobody knew it.
        const verdict = countedRecords(records, jury);
        if (verdict.includes(records[0])) return;
        verdicts += 1;
        const late = records.filter((_, r) => twins.some(([at]) => at === r));
        const second = late.map((record, i) => twinOf(record, record.samples + twins[i % twins.length][1]));
        assert.deepEqual(countedRecords([...records, ...second], jury), verdict);
      }),
      seeded,
    );
    assert(verdicts > 100, `${verdicts} scenes had a verdict`);
  });
});

describe('a quorum', () => {
  const live = (samples: Readonly<Record<string, number>>) => ({
    samples: new Map(Object.entries(samples) as [PeerId, number][]),
  });
  const rule = { quorum: 0.5, contributorsMin: 2 };

  it('is half of the samples that arrived or are expected', () => {
    const records = [judged('a', 100), judged('b', 100)];
    assert(hasQuorum(records, live({ a: 100, b: 100, c: 200 }), rule));
    assert(!hasQuorum(records, live({ a: 100, b: 100, c: 201 }), rule));
    assert(hasQuorum(records, live({}), { ...rule, quorum: 1 }));
  });

  it('takes what an author says now, not what it said before', () => {
    assert(!hasQuorum([judged('a', 100), judged('b', 1)], live({ a: 1, b: 900, c: 102 }), rule));
    assert(hasQuorum([judged('a', 100), judged('b', 2)], live({ a: 1, b: 900, c: 102 }), rule));
  });

  it('is never a single contributor, whatever its weight', () => {
    assert(!hasQuorum([judged('a', 1_000_000)], live({ a: 1, b: 1 }), rule));
    assert(hasQuorum([judged('a', 1)], live({}), { quorum: 0.5, contributorsMin: 1 }));
  });

  it('is not had by a few fast ones while slow ones with more samples are about, for whom nobody waits', () => {
    const fast = [judged('a', 100), judged('b', 100)];
    const all = live({ a: 100, b: 100 });
    assert(hasQuorum(fast, all, rule));
    const slow = live({ c: 100, d: 100, e: 100 }).samples;
    assert(!hasQuorum(fast, { ...all, slow }, rule));
    assert(hasQuorum([...fast, judged('c', 100)], { ...all, slow }, rule));
    assert.equal(absentCount(fast, { ...all, slow }), 0);
  });

  it('is neither made nor kept away by a huge claim', () => {
    const claims = { a: 100, b: 100, c: 100, d: 100, e: 1_000_000 };
    const capped = { ...live(claims), weightMax: weightMaxOf(Object.values(claims)) };
    assert(!hasQuorum([judged('e', 1_000_000)], capped, { ...rule, contributorsMin: 1 }));
    assert(hasQuorum([judged('a', 100), judged('b', 100), judged('c', 100)], capped, rule));
  });

  it('is had by a generation that has no room for more, and nobody else is waited for', () => {
    const full = { ...live({ a: 100, b: 100, c: 100, d: 100, e: 100 }), room: 2 };
    assert(!hasQuorum([judged('a', 100)], full, { ...rule, contributorsMin: 1 }));
    assert.equal(absentCount([judged('a', 100)], full), 1);
    assert(hasQuorum([judged('a', 100), judged('b', 100)], full, rule));
    assert.equal(absentCount([judged('a', 100), judged('b', 100)], full), 0);
  });

  it('names the absent in order', () => {
    assert.deepEqual(absentAuthors([judged('b', 1)], live({ c: 1, b: 1, a: 1 })), ['a', 'c']);
  });
});

describe('the pace', () => {
  const rule = { patience: 3, patienceMinMs: 2_000, patienceMaxMs: 600_000 };

  it('doubles its patience for each generation gone on alone, between its two ends', () => {
    assert.equal(patienceMs(100, 0, rule), 2_000);
    assert.equal(patienceMs(1_000, 0, rule), 3_000);
    assert.deepEqual(
      [1, 2, 3].map((streak) => patienceMs(1_000, streak, rule)),
      [6_000, 12_000, 24_000],
    );
    assert.equal(patienceMs(1_000, 1_000, rule), 600_000);
  });

  it('gives stragglers one generation time, a second at least', () => {
    assert.equal(graceMs(200), 1_000);
    assert.equal(graceMs(5_000), 5_000);
  });

  it('follows the generation times without jumping', () => {
    assert.equal(observe(undefined, 700), 700);
    assert.equal(observe(1_000, 2_000), 1_300);
  });

  const state = {
    arrived: 3,
    absent: 1,
    quorum: true,
    waitedMs: 0,
    sinceQuorumMs: 0,
    graceMs: 1_000,
    patienceMs: 9_000,
  };

  it('goes on at once when everybody is there, and after the grace when a quorum is', () => {
    assert.equal(progress({ ...state, absent: 0 }), 'complete');
    assert.equal(progress({ ...state, sinceQuorumMs: 999 }), 'wait');
    assert.equal(progress({ ...state, sinceQuorumMs: 1_000 }), 'cut-off');
  });

  it('forces its way only without a quorum, after its patience, and with something in hand', () => {
    const poor = { ...state, quorum: false };
    assert.equal(progress({ ...poor, waitedMs: 8_999, sinceQuorumMs: 8_999 }), 'wait');
    assert.equal(progress({ ...poor, waitedMs: 9_000 }), 'force');
    assert.equal(progress({ ...poor, waitedMs: 9_000, arrived: 0 }), 'wait');
    assert.equal(progress({ ...poor, absent: 0 }), 'wait');
  });
});

describe('of two sealed branches', () => {
  it('the heavier stays, of equal ones that with the smaller digest, and both sides see it alike', () => {
    const branch = fc.record({
      weight: fc.nat(3),
      state: fc.constantFrom('aa', 'bb').map((text) => text as Hash),
    });
    fc.assert(
      fc.property(branch, branch, (ours, theirs) => {
        const verdict = prefersBranch(ours, theirs);
        if (ours.weight !== theirs.weight) assert.equal(verdict === 'ours', ours.weight > theirs.weight);
        else assert.equal(verdict === 'ours', ours.state <= theirs.state);
        const same = ours.weight === theirs.weight && ours.state === theirs.state;
        if (!same) assert.notEqual(prefersBranch(theirs, ours), verdict);
      }),
      seeded,
    );
  });
});

describe('samples', () => {
  it('of no record are none', () => {
    assert.equal(samplesOf([]), 0);
    assert.equal(samplesOf([{ samples: 2 }, { samples: 3 }]), 5);
  });
});
