import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applyGeneration, codecNames, createRandom, generationRule } from '../../fusion/index.ts';
import { codecOf, decoded, encodables, layoutFrom } from './vectors-of-floats.ts';

const fround = Math.fround;

describe('one generation', () => {
  for (const name of codecNames) {
    it(`with ${name} is what the three equations give entry by entry`, () => {
      const codec = codecOf(name);
      const numbers = { noNaN: true, min: 0, max: 2 };
      const settings = fc.tuple(
        fc.double(numbers),
        fc.double(numbers),
        fc.array(fc.integer({ min: 1, max: 9999 })),
      );
      fc.assert(
        fc.property(encodables, settings, ({ layout, delta }, [outerMomentum, outerLearningRate, more]) => {
          const parts = [7, ...more].map((samples, i) => ({
            samples,
            payload: codec.encode(
              delta.map((value) => value / (i + 1)),
              layout,
              createRandom(`${i}`),
            ),
          }));
          const dense = parts.map(({ payload }) => decoded(codec, payload, layout));
          const S = Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i));
          const m = Float32Array.from({ length: layout.size }, (_, i) => Math.cos(i));
          const expected = Array.from(S, (_, i) => {
            let sum = 0;
            let total = 0;
            for (const [part, { samples }] of parts.entries()) {
              sum += samples * dense[part][i];
              total += samples;
            }
            const a = fround(sum / total);
            const momentum = fround(outerMomentum * m[i] + a);
            return { m: momentum, S: fround(S[i] + outerLearningRate * (a + outerMomentum * momentum)) };
          });
          const scratch = new Float64Array(layout.size).fill(123);
          applyGeneration({ S, m, parts, codec, layout, outerMomentum, outerLearningRate, scratch });
          assert.deepEqual(
            S,
            Float32Array.from(expected, (entry) => entry.S),
          );
          assert.deepEqual(
            m,
            Float32Array.from(expected, (entry) => entry.m),
          );
        }),
        { seed: 11, numRuns: 20 },
      );
    });
  }

  const layout = layoutFrom([3]);
  const codec = codecOf('float32');
  const plain = { codec, layout, outerMomentum: 0, outerLearningRate: 1, scratch: new Float64Array(3) };
  const part = (samples: number, ...values: number[]) => ({
    samples,
    payload: codec.encode(Float32Array.from(values), layout, createRandom('')),
  });

  it('is the sample-weighted mean where μ = 0 and η = 1', () => {
    const S = Float32Array.of(1, 2, 3);
    const m = new Float32Array(3);
    applyGeneration({ ...plain, S, m, parts: [part(1, 4, 0, -4), part(3, 0, 4, 0)] });
    assert.deepEqual(S, Float32Array.of(2, 5, 2));
    assert.deepEqual(m, Float32Array.of(1, 3, -1));
  });

  it('sums in the order given, which is why the order is part of the protocol', () => {
    const parts = [part(1, 2 ** 31, 0, 0), part(1, 2 ** -30, 0, 0), part(1, -(2 ** 31), 0, 0)];
    const run = (order: readonly number[]) => {
      const S = new Float32Array(3);
      applyGeneration({ ...plain, S, m: new Float32Array(3), parts: order.map((index) => parts[index]) });
      return S[0];
    };
    assert.equal(run([0, 1, 2]), 0);
    assert.equal(run([0, 2, 1]), fround(2 ** -30 / 3));
  });

  it('by a robust mean takes what the rule makes of the parts for the mean, and the same step', () => {
    const parts = [part(1, 1, 5, 1e30), part(50, 2, 6, -1), part(1, 3, 7, 1)];
    const S = Float32Array.of(1, 1, 1);
    const m = Float32Array.of(1, 0, 0);
    const rule = generationRule('equal|median:1')(1);
    applyGeneration({ ...plain, S, m, parts, rule, outerMomentum: 0.5, outerLearningRate: 0.5 });
    // Medians 2, 6 and 1; m = m / 2 + a; S = S + (a + m / 2) / 2.
    assert.deepEqual(m, Float32Array.of(2.5, 6, 1));
    assert.deepEqual(S, Float32Array.of(1 + (2 + 1.25) / 2, 1 + (6 + 3) / 2, 1 + (1 + 0.5) / 2));
    assert.equal(generationRule('mean')(1), undefined);
  });

  it('by a rule that draws depends on the generation, and is the same at all members', () => {
    const parts = [1, 2, 4, 8, 16, 32].map((value) => part(1, value, -value, 0));
    const run = (generation: number): Float32Array => {
      const S = new Float32Array(3);
      applyGeneration({
        ...plain,
        S,
        m: new Float32Array(3),
        parts,
        rule: generationRule('bucket:2|median:1')(generation),
      });
      return S;
    };
    const results = Array.from({ length: 8 }, (_, i) => run(i + 1));
    assert.deepEqual(run(3), results[2]);
    assert(new Set(results.map(String)).size > 1);
  });

  it('without parts, or with a weight that is no positive integer, is our own mistake', () => {
    const run = (parts: { samples: number; payload: Uint8Array }[]) =>
      applyGeneration({ ...plain, S: new Float32Array(3), m: new Float32Array(3), parts });
    assert.throws(() => run([]), /without parts/);
    for (const samples of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => run([{ ...part(1, 0, 0, 0), samples }]), /positive integer/);
    }
  });
});
