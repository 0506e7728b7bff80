// What holds for the rules whatever the numbers: orders, scales, shifts, forms, and attackers of any size.
import assert from 'node:assert/strict';
import { createRandom } from '../../../fusion/index.ts';
import { fuse, robustMeanNamed, type UpdateSet } from '../../../fusion/robust/index.ts';
import * as slow from './slow-rules.ts';
import { agreeing, denseOf } from './update-sets.ts';

const COUNT = 15;
const SIZE = 40;

/** Every rule with a share of 20 % at most; three attackers of fifteen. */
const RULES = [
  ...['mean', 'median', 'trimmed', 'krum', 'multi-krum', 'bulyan', 'minimum-diameter', 'geometric-median'],
  ...['centred-clip', 'sign-election', 'cosine', 'nnm|trimmed', 'nnm|krum', 'clip|nnm|median', 'clip|cosine'],
];
/** Those that find the middle wherever it lies; the others clip or trust from zero, where the model stays put. */
const MOVE_ALONG = RULES.slice(0, 8).concat('nnm|trimmed', 'nnm|krum');
const HOLD = RULES.filter((name) => !['mean', 'sign-election', 'cosine'].includes(name));

const context = { seed: 'a' };

function set(vectors: readonly Float32Array[], weights?: readonly number[]): UpdateSet {
  const updates = vectors.map((values, i) => ({ values, weight: weights?.[i] ?? 1 }));
  return { size: vectors[0].length, updates };
}

function fused(from: UpdateSet, name: string): number[] {
  return denseOf(fuse(from, robustMeanNamed(name), context).change, from.size);
}

const honest = agreeing({ count: COUNT, size: SIZE, seed: 'honest' });

describe('a robust mean', () => {
  for (const name of RULES) {
    it(`${name} does not depend on the order of the members`, () => {
      const weights = honest.map((_, i) => 1 + (i % 4));
      const random = createRandom('orders');
      const order = honest.map((_, i) => i).sort(() => random.float() - 0.5);
      const mixed = set(
        order.map((i) => honest[i]),
        order.map((i) => weights[i]),
      );
      near(fused(mixed, name), fused(set(honest, weights), name));
    });

    it(`${name} of updates that are eight times as large is eight times as large`, () => {
      const larger = set(honest.map((values) => values.map((value) => 8 * value)));
      const expected = fused(set(honest), name).map((value) => 8 * value);
      near(fused(larger, name), expected);
    });

    it(`${name} of equal updates is that update`, () => {
      near(fused(set(Array<Float32Array>(COUNT).fill(honest[0])), name), Array.from(honest[0]));
    });

    it(`${name} takes a sparse update that names all places for the dense one`, () => {
      const places = Uint32Array.from({ length: SIZE }, (_, i) => i);
      const updates = honest.map((values) => ({ places, values, weight: 1 }));
      near(fused({ size: SIZE, updates }, name), fused(set(honest), name));
    });

    it(`${name} gives the same bits again, and across blocks of columns`, () => {
      const long = set(agreeing({ count: COUNT, size: 9_001, seed: 'long' }));
      const once = fused(long, name);
      // Only other memory in between.
      fused(set(honest), name);
      assert.deepEqual(fused(long, name), once);
    });
  }

  for (const name of MOVE_ALONG) {
    it(`${name} moves along with all updates`, () => {
      const shift = Float32Array.from({ length: SIZE }, (_, i) => (i - 20) / 4);
      const shifted = set(honest.map((values) => values.map((value, i) => value + shift[i])));
      const expected = fused(set(honest), name).map((value, i) => value + shift[i]);
      near(fused(shifted, name), expected, 1e-4);
    });
  }

  for (const name of ['mean', 'krum', 'multi-krum', 'geometric-median', 'centred-clip', 'clip|cosine']) {
    it(`${name} takes an absent coordinate for zero`, () => {
      const sparse = honest.map((values, i) => {
        const places = Uint32Array.from(values.keys()).filter((place) => (place + i) % 5 === 0);
        return { places, values: Float32Array.from(places, (place) => values[place]), weight: 1 + (i % 3) };
      });
      const dense = sparse.map((update) => ({
        values: Float32Array.from(denseOf(update, SIZE)),
        weight: update.weight,
      }));
      near(fused({ size: SIZE, updates: sparse }, name), fused({ size: SIZE, updates: dense }, name));
      // One dense update among sparse ones is read in the same way.
      const mixed = [...sparse.slice(0, 4), dense[4], ...sparse.slice(5)];
      near(fused({ size: SIZE, updates: mixed }, name), fused({ size: SIZE, updates: dense }, name));
    });
  }
});

describe('three attackers of fifteen', () => {
  const good = honest.slice(3);
  const centre = slow.slowMean(good.map((values) => ({ values: Array.from(values), weight: 1 })));
  const spread = Math.max(...good.map((values) => slow.norm(slow.minus(Array.from(values), centre))));

  /** What each attacker sends, by its number. */
  const ATTACKS: Readonly<Record<string, (i: number) => Float32Array>> = {
    'all at 1e30': () => new Float32Array(SIZE).fill(1e30),
    'each at the end of float32 elsewhere': (i) => new Float32Array(SIZE).fill((i - 1) * 3.4e38),
    'at one coordinate': (i) => Float32Array.from({ length: SIZE }, (_, k) => (k === i ? -1e20 : 0)),
    'turned around and five times as large': (i) => honest[i].map((value) => -5 * value),
    'all alike, a little beside': () => good[0].map((value, k) => value + 0.4 * (k % 2)),
  };

  for (const [what, attack] of Object.entries(ATTACKS)) {
    it(`${what}, move the robust rules by less than honest members differ`, () => {
      const attacked = set([attack(0), attack(1), attack(2), ...good]);
      for (const name of HOLD) {
        const distance = slow.norm(slow.minus(fused(attacked, name), centre));
        assert(distance <= 1.5 * spread, `${name}: ${distance}, honest members ${spread}`);
      }
    });
  }

  it('move the mean anywhere, and the unclipped sign election and cosine too', () => {
    const attacked = set([...[0, 1, 2].map(() => new Float32Array(SIZE).fill(1e30)), ...good]);
    for (const name of ['mean', 'sign-election']) assert(fused(attacked, name)[0] > 1e28, name);
    const along = set([...[0, 1, 2].map(() => honest[0].map((value) => 1e30 * value)), ...good]);
    assert(slow.norm(fused(along, 'cosine')) > 1e28);
  });

  it('keep every coordinate of median and trimmed mean between two honest values', () => {
    const attacked = set([attackAt(1e30), attackAt(-1e30), attackAt(1e30), ...good]);
    for (const name of ['median', 'trimmed', 'bulyan']) {
      for (const [k, value] of fused(attacked, name).entries()) {
        const values = good.map((each) => each[k]);
        assert(value >= Math.min(...values) && value <= Math.max(...values), `${name}, coordinate ${k}`);
      }
    }
    function attackAt(value: number): Float32Array {
      return new Float32Array(SIZE).fill(value);
    }
  });

  it('own no coordinate that only they name', () => {
    const places = Uint32Array.of(0, 7, 39);
    const attackers = [0, 1, 2].map(() => ({ places, values: Float32Array.of(9, 9, 9), weight: 1 }));
    const others = good.map((values) => ({
      places: Uint32Array.from({ length: 10 }, (_, k) => 20 + k),
      values: values.slice(20, 30),
      weight: 1,
    }));
    const from = { size: SIZE, updates: [...attackers, ...others] };
    for (const name of ['trimmed', 'median:7', 'bulyan']) {
      const result = fused(from, name);
      assert.deepEqual([result[0], result[7], result[39]], [0, 0, 0], name);
      assert(result[20] !== 0, name);
    }
    assert.equal(fused({ ...from, updates: from.updates.slice(2) }, 'median')[0], 0, 'a lone one');
  });

  it('have the worst scores of Krum and no share in what it chose', () => {
    const attacked = set([...[0, 1, 2].map(() => new Float32Array(SIZE).fill(5)), ...good]);
    const { scores, shares } = fuse(attacked, robustMeanNamed('multi-krum'));
    assert(scores !== undefined);
    assert(Math.min(...scores.slice(0, 3)) > Math.max(...scores.slice(3)));
    assert.deepEqual(Array.from(shares.slice(0, 3)), [0, 0, 0]);
    assert(Math.abs(shares.reduce((sum, share) => sum + share, 0) - 1) < 1e-12);
  });

  it('gain nothing by claiming weight where weights are made equal', () => {
    const vectors = [...[0, 1, 2].map(() => new Float32Array(SIZE).fill(1e6)), ...good];
    const claims = vectors.map((_, i) => (i < 3 ? 1_000_000 : 1));
    assert(fused(set(vectors, claims), 'median')[0] === 1e6);
    assert.deepEqual(fused(set(vectors, claims), 'equal|median'), fused(set(vectors), 'median'));
  });
});

/** Relative to the largest number, for sums of other orders. */
function near(found: readonly number[], expected: readonly number[], within = 2e-6): void {
  const scale = Math.max(...expected.map(Math.abs));
  for (const [i, value] of found.entries()) {
    assert(Math.abs(value - expected[i]) <= within * scale, `coordinate ${i}: ${value}, not ${expected[i]}`);
  }
}
