import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fuse, robustMeanNamed } from '../../../fusion/robust/index.ts';
import * as slow from './slow-rules.ts';
import { type DrawnOptions, denseOf, updateSets } from './update-sets.ts';

const SEED = 'generation 7';

/** Everybody's f. */
const attackersAmong = (count: number) => (share: number) => Math.ceil((share * 1000 * count) / 1000 - 1e-9);

interface Compared {
  readonly name: string;
  /** Fewest updates with which the rule is asked. */
  readonly countMin: number;
  readonly expected: (updates: readonly slow.SlowUpdate[]) => readonly number[];
}

const rule = (name: string, countMin: number, slowRule: ReturnType<typeof slow.slowMedian>): Compared => ({
  name,
  countMin,
  expected: (updates) => slowRule(updates, attackersAmong(updates.length)),
});

const nnm = (share: number) => (updates: readonly slow.SlowUpdate[]) =>
  slow.slowNearestNeighbourMixing(attackersAmong(updates.length)(share))(updates);

const COMPARED: readonly Compared[] = [
  rule('mean', 1, slow.slowMean),
  rule('median:1', 1, slow.slowMedian(1)),
  rule('median', 3, slow.slowMedian(3)),
  rule('trimmed:0', 1, slow.slowTrimmed(0)),
  rule('trimmed', 5, slow.slowTrimmed(0.2)),
  rule('trimmed:0.1', 3, slow.slowTrimmed(0.1)),
  rule('krum', 7, slow.slowKrum(0.2)),
  rule('multi-krum', 7, slow.slowMultiKrum(0.2)),
  rule('bulyan:0.1', 7, slow.slowBulyan(0.1)),
  rule('minimum-diameter:0.3', 7, slow.slowMinimumDiameter(0.3)),
  rule('centred-clip', 1, slow.slowCentredClipping(1, 3)),
  rule('centred-clip:0.5,1', 1, slow.slowCentredClipping(0.5, 1)),
  rule('sign-election', 3, slow.slowSignElection(3)),
  { name: 'clip|mean', countMin: 1, expected: (updates) => slow.slowMean(slow.slowClip(1)(updates)) },
  {
    name: 'equal|mean',
    countMin: 1,
    expected: (updates) => slow.slowMean(updates.map((update) => ({ ...update, weight: 1 }))),
  },
  {
    name: 'nnm|trimmed',
    countMin: 5,
    expected: (updates) => slow.slowTrimmed(0.2)(nnm(0.2)(updates), attackersAmong(updates.length)),
  },
  {
    name: 'nnm|median',
    countMin: 5,
    expected: (updates) => slow.slowMedian(3)(nnm(0.2)(updates), () => 0),
  },
  {
    name: 'clip:2|trimmed',
    countMin: 5,
    expected: (updates) => slow.slowTrimmed(0.2)(slow.slowClip(2)(updates), attackersAmong(updates.length)),
  },
  {
    name: 'bucket|trimmed:0.2',
    countMin: 9,
    expected: (updates) => {
      const buckets = slow.slowBucketing(2, SEED)(updates);
      return slow.slowTrimmed(0.2)(buckets, attackersAmong(buckets.length));
    },
  },
];

const KINDS: readonly (Omit<DrawnOptions, 'countMin'> & { readonly what: string })[] = [
  { what: 'dense updates of equal weight', sparse: false, weighted: false },
  { what: 'dense updates of any weight', sparse: false, weighted: true },
  { what: 'sparse updates of equal weight', sparse: true, weighted: false },
  { what: 'sparse updates of any weight', sparse: true, weighted: true },
];

describe('a robust mean', () => {
  for (const { name, countMin, expected } of COMPARED) {
    for (const { what, ...kind } of KINDS) {
      it(`${name} of ${what} is what its definition gives`, () => {
        fc.assert(
          fc.property(updateSets({ countMin, ...kind }), (drawn) => {
            const { change } = fuse(drawn.set, robustMeanNamed(name), { seed: SEED });
            close(denseOf(change, drawn.set.size), expected(drawn.slow));
          }),
          { seed: 6, numRuns: 40 },
        );
      });
    }
  }

  for (const { what, ...kind } of KINDS) {
    it(`geometric-median of ${what} has the smallest sum of distances`, () => {
      fc.assert(
        fc.property(updateSets({ countMin: 1, ...kind }), ({ set, slow: updates }) => {
          const { change } = fuse(set, robustMeanNamed('geometric-median'));
          const found = denseOf(change, set.size);
          const least = slow.sumOfDistances(updates, found);
          const scale = slow.sumOfDistances(
            updates,
            found.map(() => 0),
          );
          const isLeast = (other: readonly number[]) =>
            assert(least <= slow.sumOfDistances(updates, other) + 2e-6 * (1 + scale), `${other}`);
          for (const { values } of updates) isLeast(values.map((value) => value ?? 0));
          isLeast(slow.slowMean(updates));
          for (const step of [1e-2, 1]) {
            for (const i of found.keys())
              isLeast(found.map((value, k) => (k === i ? value + step : value - step)));
          }
        }),
        { seed: 6, numRuns: 25 },
      );
    });

    it(`fltrust of ${what} is what its definition gives, with any reference`, () => {
      fc.assert(
        fc.property(updateSets({ countMin: 2, ...kind }), ({ set, slow: updates }) => {
          const { weight: _, ...reference } = set.updates[0];
          const others = { ...set, updates: set.updates.slice(1) };
          const trusted = updates[0].values.map((value) => value ?? 0);
          fc.pre(trusted.some((value) => value !== 0));
          const { change } = fuse(others, robustMeanNamed('fltrust'), { reference });
          close(denseOf(change, set.size), slow.slowCosineTrust(updates.slice(1), trusted, true));
        }),
        { seed: 6, numRuns: 40 },
      );
    });

    it(`cosine of ${what} is trust in the geometric median`, () => {
      fc.assert(
        fc.property(updateSets({ countMin: 1, ...kind }), ({ set, slow: updates }) => {
          const median = denseOf(fuse(set, robustMeanNamed('geometric-median')).change, set.size);
          // A direction that is all rounding has no cosine.
          fc.pre(slow.norm(median) > 1e-3);
          const { change } = fuse(set, robustMeanNamed('cosine'));
          close(denseOf(change, set.size), slow.slowCosineTrust(updates, median, false), 1e-3);
        }),
        { seed: 6, numRuns: 25 },
      );
    });
  }
});

/** Numbers in these tests are below 30, and float32 has seven digits. */
function close(found: readonly number[], expected: readonly number[], within = 1e-5): void {
  assert.equal(found.length, expected.length);
  for (const [i, value] of found.entries()) {
    const message = `coordinate ${i}: ${value}, not ${expected[i]}`;
    assert(Math.abs(value - expected[i]) <= within * (1 + Math.abs(expected[i])), message);
  }
}
