// Who publishes in a generation of a mesh with a contributor target: the rules, and what a set makes of them.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRandom } from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import { Draw } from '../../protocols/delta-set/draw.ts';
import { Pace } from '../../protocols/delta-set/pace.ts';
import {
  drawnShare,
  estimateMembers,
  hasQuorum,
  keptMax,
  widening,
  wideningMs,
} from '../../protocols/delta-set/rules.ts';
import {
  canonicalBytes,
  type PeerId,
  parseManifestConfig,
  RecordSet,
  recordSetOptionsOf,
} from '../../protocols/index.ts';
import { hashNamed, recordOf } from './delta-records.ts';
import { Exchange, ExchangeMember } from './exchange.ts';

const CONFIG = { model: 'mlp:3', data: { inputs: 4, classes: 2 } };
const meshId = hashNamed('mesh');

const manifestWith = (pace: object) => {
  const { manifest, problems } = parseManifestConfig({ ...CONFIG, pace });
  return manifest ?? assert.fail(problems?.join());
};

const nameOf = (member: number): PeerId => `member ${member}` as PeerId;

/** A mesh of so many members that follows the rules generation by generation; contributors of each. */
function run(members: (generation: number) => number, target: number, generations: number): number[][] {
  const set = new RecordSet(recordSetOptionsOf(manifestWith({ contributorsTarget: target }), meshId, hashOf));
  const draw = new Draw(set, target);
  return Array.from({ length: generations }, (_, i) => {
    const generation = i + 1;
    const everybody = Array.from({ length: members(generation) }, (_, member) => member);
    const drawn = everybody.filter((member) => draw.isDrawn(nameOf(member), generation));
    for (const member of drawn) set.add(recordOf({ author: nameOf(member), generation }));
    return drawn;
  });
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('a contributor target', () => {
  it('is absent from the bytes of a manifest that does not set it', () => {
    const text = new TextDecoder().decode(canonicalBytes(manifestWith({})));
    assert(!text.includes('contributorsTarget'));
  });

  it('is refused where generations could not hold it, or would be too small to be complete', () => {
    for (const contributorsTarget of [1, 300]) {
      const { problems } = parseManifestConfig({ ...CONFIG, pace: { contributorsTarget } });
      assert(
        problems?.some((problem) => problem.includes('contributorsTarget')),
        problems?.join(),
      );
    }
  });

  it('is met by about so many, whatever the size of the mesh, from the second generation on', () => {
    for (const members of [30, 300, 2_000]) {
      const drawn = run(() => members, 16, 20);
      assert.equal(drawn[0].length, members);
      const later = mean(drawn.slice(1).map(({ length }) => length));
      assert(later > 12 && later < 20, `${later} of ${members}`);
    }
  });

  it('draws everybody sooner or later', () => {
    const drawn = run(() => 40, 8, 60);
    assert.equal(new Set(drawn.slice(1).flat()).size, 40);
  });

  it('draws all of a mesh that is no larger', () => {
    for (const contributors of run(() => 10, 64, 12)) assert.equal(contributors.length, 10);
  });

  it('follows a mesh that grows or shrinks', () => {
    const size = (generation: number): number => (generation < 15 ? 100 : generation < 40 ? 400 : 100);
    const counts = run(size, 16, 70).map(({ length }) => length);
    for (const [from, to] of [
      [5, 15],
      [26, 40],
      [51, 70],
    ]) {
      const count = mean(counts.slice(from, to));
      assert(count > 11 && count < 21, `${count} from ${from}`);
    }
  });

  it('is estimated from the lower half: authors who were not drawn do not make the mesh look small', () => {
    const random = createRandom('ranks');
    const ranks = (count: number, below: number): number[] =>
      Array.from({ length: count }, () => below * random.float());
    const honest = Array.from({ length: 8 }, () => ranks(64, 0.064));
    const members = estimateMembers(honest.map((each) => [...each].sort((a, b) => a - b))) ?? 0;
    assert(members > 800 && members < 1_200, `${members}`);
    const pushed = honest.map((each) => [...each, ...ranks(30, 1)].sort((a, b) => a - b));
    const still = estimateMembers(pushed) ?? 0;
    assert(still > 700 && still < 1_300, `${still}`);
  });

  it('is told by the newest generations, not by those before most members came', () => {
    const counts = run((generation) => (generation === 1 ? 500 : 1_000), 64, 10).map(({ length }) => length);
    assert(counts[1] > 90, `${counts[1]} in the second, while the mesh seems to be half as large`);
    const later = mean(counts.slice(4));
    assert(later > 54 && later < 74, `${later} afterwards: ${counts.join()}`);
  });

  it('gives a share that is never above one and falls with the members', () => {
    assert.equal(drawnShare(8, undefined), 1);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.float({ min: 1, max: 1e6, noNaN: true }),
        (target, members) => {
          const share = drawnShare(target, members);
          assert(share > 0 && share <= 1);
          assert(drawnShare(target, 2 * members) <= share);
        },
      ),
      { seed: 1 },
    );
    assert.equal(estimateMembers([]), undefined);
    assert.equal(estimateMembers([[], []]), undefined);
  });

  it('keeps at most twice as many authors, those of lowest rank, in whatever order they come', () => {
    assert.equal(keptMax(256, undefined), 256);
    assert.equal(keptMax(256, 8), 16);
    assert.equal(keptMax(10, 8), 10);
    const options = recordSetOptionsOf(manifestWith({ contributorsTarget: 2 }), meshId, hashOf);
    const records = Array.from({ length: 12 }, (_, member) =>
      recordOf({ author: nameOf(member), generation: 3 }),
    );
    const [one, two] = [new RecordSet(options), new RecordSet(options)];
    for (const record of records) one.add(record);
    for (const record of [...records].reverse()) two.add(record);
    assert.equal(one.held(3).length, 4);
    assert.equal(one.digest(3), two.digest(3));
    const rank = (author: string): string => hashNamed(`${meshId} 3 ${author}`);
    const lowest = records.map(({ author }) => author).sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
    assert.deepEqual(
      one
        .held(3)
        .map(({ author }) => author)
        .sort(),
      lowest.slice(0, 4).sort(),
    );
  });

  it('crowds out who comes after the target of lower rank', () => {
    const set = new RecordSet(recordSetOptionsOf(manifestWith({ contributorsTarget: 3 }), meshId, hashOf));
    const draw = new Draw(set, 3);
    const byRank = Array.from({ length: 9 }, (_, member) => nameOf(member)).sort(
      (a, b) => set.rank(a, 1) - set.rank(b, 1),
    );
    for (const author of byRank.slice(0, 3)) set.add(recordOf({ author, generation: 1 }));
    assert(byRank.slice(3).every((author) => draw.isCrowdedOut(author, 1)));
    const [first] = byRank;
    assert(!draw.isCrowdedOut(first, 1));
  });

  it('measures a quorum against those expected in a generation, strangers at the mean weight', () => {
    const records = ['a', 'b', 'c'].map((author) => recordOf({ author, generation: 1 }));
    const rule = { quorum: 0.5, contributorsMin: 2 };
    assert(hasQuorum(records, { samples: new Map(), expected: 6 }, rule));
    assert(!hasQuorum(records, { samples: new Map(), expected: 7 }, rule));
    assert(!hasQuorum(records, { samples: new Map([['d' as PeerId, 400]]), expected: 4 }, rule));
  });

  it('draws twice as many after every half of the patience without a quorum', () => {
    assert.deepEqual(
      [0, 999, 1_000, 2_000, 3_500].map((waitedMs) => widening(waitedMs, 2_000)),
      [1, 1, 2, 4, 8],
    );
    assert.equal(widening(wideningMs(16, 2_000), 2_000), 16);
    assert(widening(wideningMs(16, 2_000) - 1, 2_000) < 16);
  });
});

describe('the first generation of a mesh with a contributor target of 4', () => {
  /** A member that knows nobody. */
  const begin = (name: string) => {
    const member = new ExchangeMember(new Exchange(), name);
    const { context, set } = member;
    const paced = manifestWith({ contributorsTarget: 4 });
    const pace = new Pace(
      { ...context, manifest: paced },
      { neighbours: () => new Map(), ownSamples: () => 0 },
    );
    pace.begin(0);
    const halfPatienceMs = (paced.pace.patience * paced.pace.patienceMinMs) / 2;
    return { member, set, pace, halfPatienceMs };
  };
  const names = Array.from({ length: 64 }, (_, i) => nameOf(i));

  it('is begun by one in sixteen, and twice as many publish after every half of the patience', () => {
    for (const name of names) {
      const { member, set, pace, halfPatienceMs } = begin(name);
      const rank = set.rank(member.id, 1);
      const calledAt = [0, 1, 2, 3, 4].find((halves) => {
        member.nowMs = halves * halfPatienceMs;
        return pace.draws();
      });
      const expected = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1].findIndex((line) => rank < line);
      assert.equal(calledAt, expected, `${name} of rank ${rank}`);
    }
  });

  it('is published by nobody who has heard the target of lower rank', () => {
    const { set } = begin('anna');
    const [a, b, c, d, last] = [...names].sort((one, other) => set.rank(one, 1) - set.rank(other, 1));
    const { member, set: own, pace, halfPatienceMs } = begin(last);
    member.nowMs = 4 * halfPatienceMs;
    for (const author of [a, b, c]) own.add(recordOf({ author, generation: 1 }));
    assert(pace.draws());
    own.add(recordOf({ author: d, generation: 1 }));
    assert(!pace.draws());
  });

  it('is not forced while some hold back', () => {
    const { member, set, pace, halfPatienceMs } = begin('anna');
    const record = recordOf({ author: nameOf(1), generation: 1 });
    set.add(record);
    pace.arrived(record);
    member.nowMs = 6 * halfPatienceMs - 1;
    assert(!pace.advance(true));
    member.nowMs += 1;
    assert(pace.advance(true));
  });
});
