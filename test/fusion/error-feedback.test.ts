import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  codecNames,
  compressWithFeedback,
  createRandom,
  isFiniteVector,
  takeBack,
} from '../../fusion/index.ts';
import { codecOf, decoded, layoutFrom, layouts } from './vectors-of-floats.ts';

/** Rounds of training of one member: a layout and some deltas of it, of very different sizes. */
const trainings = layouts.chain((layout) =>
  fc
    .array(fc.tuple(fc.string(), fc.constantFrom(1e-4, 1, 300)), { minLength: 1, maxLength: 6 })
    .map((rounds) => ({
      layout,
      deltas: rounds.map(([seed, size]) => {
        const random = createRandom(seed);
        return Float32Array.from({ length: layout.size }, () => (random.float() - 0.5) * size);
      }),
    })),
);

describe('error feedback', () => {
  for (const name of codecNames) {
    const codec = codecOf(name);

    it(`${name}: what was sent and what is left are what was trained`, () => {
      fc.assert(
        fc.property(trainings, ({ layout, deltas }) => {
          const residual = new Float32Array(layout.size);
          const random = createRandom('rounding');
          const sent = new Float64Array(layout.size);
          const trained = new Float64Array(layout.size);
          const touched = new Float64Array(layout.size);
          for (const delta of deltas) {
            const before = residual.slice();
            const { payload } = compressWithFeedback({ delta, residual, codec, layout, random });
            assert.equal(codec.check(payload, layout), undefined);
            codec.addTo(sent, payload, 1, layout);
            const values = decoded(codec, payload, layout);
            for (const i of trained.keys()) {
              trained[i] += delta[i];
              touched[i] += Math.abs(before[i]) + Math.abs(delta[i]) + Math.abs(values[i]);
            }
          }
          for (const i of trained.keys()) {
            const gap = Math.abs(sent[i] + residual[i] - trained[i]);
            assert(gap <= touched[i] * 2 ** -22, `entry ${i} lost ${gap}`);
          }
        }),
        { seed: 9, numRuns: 30 },
      );
    });

    it(`${name}: the residual is round32(round32(delta + residual) − decoded), bit for bit`, () => {
      fc.assert(
        fc.property(trainings, ({ layout, deltas }) => {
          const residual = Float32Array.from({ length: layout.size }, (_, i) => Math.sin(i));
          const delta = deltas[0];
          const whole = residual.map((value, i) => value + delta[i]);
          const options = { delta, residual, codec, layout, random: createRandom('r') };
          const { payload } = compressWithFeedback(options);
          assert.deepEqual(payload, codec.encode(whole, layout, createRandom('r')));
          const values = decoded(codec, payload, layout);
          assert.deepEqual(
            residual,
            whole.map((value, i) => value - values[i]),
          );
        }),
        { seed: 10, numRuns: 20 },
      );
    });

    it(`${name}: a payload taken back and taken out again leaves the residual as it was, up to rounding`, () => {
      const layout = layoutFrom([500, 20]);
      const residual = Float32Array.from({ length: 520 }, (_, i) => Math.sin(i));
      const before = residual.slice();
      const payload = codec.encode(
        residual.map((value) => value ** 3),
        layout,
        createRandom('r'),
      );
      const values = decoded(codec, payload, layout);
      takeBack({ residual, payload, sign: 1, codec, layout });
      assert.deepEqual(
        residual,
        before.map((value, i) => value + values[i]),
      );
      takeBack({ residual, payload, sign: -1, codec, layout });
      for (const [i, value] of residual.entries()) assert(Math.abs(value - before[i]) < 1e-6);
    });
  }

  it('sends every coordinate in the end, however small it is', () => {
    const layout = layoutFrom([50]);
    const codec = codecOf('top10:1');
    const residual = new Float32Array(50);
    const delta = Float32Array.from({ length: 50 }, (_, i) => (i + 1) / 50);
    const sent = new Float64Array(50);
    const rounds = 3000;
    for (let round = 0; round < rounds; round++) {
      const { payload } = compressWithFeedback({ delta, residual, codec, layout, random: createRandom('') });
      codec.addTo(sent, payload, 1, layout);
    }
    for (const [i, value] of sent.entries()) {
      assert(Math.abs(value / (rounds * delta[i]) - 1) < 0.1, `entry ${i} sent ${value}`);
    }
  });

  it('asserts on a training that diverged, which can be asked before', () => {
    const layout = layoutFrom([2]);
    const delta = Float32Array.of(1, Number.NaN);
    assert.equal(isFiniteVector(delta), false);
    assert.equal(isFiniteVector(Float32Array.of(Number.POSITIVE_INFINITY)), false);
    assert.equal(isFiniteVector(Float32Array.of(-0, 3e38)), true);
    const options = {
      delta,
      residual: new Float32Array(2),
      codec: codecOf('sign'),
      layout,
      random: createRandom(''),
    };
    assert.throws(() => compressWithFeedback(options), /finite/);
  });
});
