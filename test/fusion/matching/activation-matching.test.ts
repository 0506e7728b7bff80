import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import {
  type ActivationMatchingOptions,
  matchActivations,
} from '../../../fusion/matching/activation-matching.ts';
import { CoMoments } from '../../../fusion/matching/co-moments.ts';
import { multiplyRows } from '../../../fusion/matching/matrix-product.ts';
import type { Activations } from '../../../fusion/model-functions.ts';
import { createRandom } from '../../../fusion/random.ts';
import { randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

const model = small.mlp([6, 12, 10, 3]);

function planted(seed: string, noise: number) {
  const random = createRandom(seed);
  const reference = small.randomWeights(model, random.fork('weights'));
  const twin = small.withNoise(reference, noise, random.fork('noise'));
  const permutations = randomPermutations(model.spec, random.fork('moves'));
  const moved = permuteModel({ weights: twin, ...model, permutations });
  const inputs = small.randomInputs(300, 6, random.fork('inputs'));
  return { reference, twin, moved, activations: small.activationsOf(model, inputs, 64) };
}

/** Two passes over everything, with names for every sum. */
function slowMoments(left: readonly number[][], right: readonly number[][]) {
  const column = (rows: readonly number[][], unit: number) => rows.map((row) => row[unit]);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const covariance = (a: readonly number[], b: readonly number[]) =>
    mean(a.map((value, at) => (value - mean(a)) * (b[at] - mean(b))));
  const each = (score: (a: number[], b: number[]) => number) =>
    left[0].flatMap((_, i) => right[0].map((_, j) => score(column(left, i), column(right, j))));
  return {
    innerProducts: each((a, b) => mean(a.map((value, at) => value * b[at]))),
    correlations: each((a, b) => covariance(a, b) / Math.sqrt(covariance(a, a) * covariance(b, b))),
  };
}

const codeOf = (options: ActivationMatchingOptions): unknown => {
  try {
    matchActivations(options);
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

describe('activation matching', () => {
  it('counts in one pass what two passes count, far from zero and whatever the batches', () => {
    const value = fc.double({ min: -1, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        fc.array(fc.array(value, { minLength: 5, maxLength: 5 }), { minLength: 8, maxLength: 40 }),
        fc.constantFrom(0, 10_000),
        fc.integer({ min: 1, max: 9 }),
        (noise, offset, batch) => {
          const random = createRandom(JSON.stringify(noise));
          const rows = noise.map((row) => row.map((each) => Math.fround(each + random.float() + offset)));
          const [left, right] = [rows.map((row) => row.slice(0, 3)), rows.map((row) => row.slice(3))];
          const moments = new CoMoments({ rows: 3, columns: 2, place: 'place', product: multiplyRows });
          for (let from = 0; from < rows.length; from += batch) {
            const part = (all: readonly number[][]) =>
              Float32Array.from(all.slice(from, from + batch).flat());
            moments.add(part(left), part(right));
          }
          const slow = slowMoments(left, right);
          const tolerance = 1e-5;
          for (const [at, expected] of slow.correlations.entries()) {
            assert.ok(Math.abs(moments.correlations()[at] - expected) < tolerance);
            const product = slow.innerProducts[at];
            assert.ok(
              Math.abs(moments.innerProducts()[at] - product) < 1e-7 * Math.max(1, Math.abs(product)),
            );
          }
        },
      ),
      { seed: 66, numRuns: 40 },
    );
  });

  for (const score of ['correlation', 'inner-product'] as const) {
    it(`finds moved units again by ${score}`, () => {
      for (let seed = 0; seed < 5; seed++) {
        const { reference, twin, moved, activations } = planted(
          `moved ${seed}`,
          score === 'correlation' ? 0.1 : 0,
        );
        const { permutations, before, after, places } = matchActivations({
          ...{ ...model, reference, model: moved, activations, score },
        });
        assert.deepEqual(permuteModel({ weights: moved, ...model, permutations }), twin);
        assert.ok(after.objective > before.objective);
        assert.equal(places.get('hidden_1')?.samples, 300);
      }
    });
  }

  it('gives dead units what is left, and counts them', () => {
    const { reference, moved } = planted('dead', 0);
    for (const [weights, dead] of [
      [reference, [0, 3, 4]],
      [moved, [5, 6]],
    ] as const) {
      const bias = model.layout.tensors[1];
      for (const unit of dead) weights[bias.offset + unit] = -1e6;
    }
    const inputs = small.randomInputs(200, 6, createRandom('inputs'));
    const activations = small.activationsOf(model, inputs, 200);
    const { places } = matchActivations({ ...model, reference, model: moved, activations });
    const place = places.get('hidden_0');
    assert.deepEqual([place?.deadInReference, place?.deadInModel], [3, 2]);
  });

  it('puts heads together whose insides can be put together', () => {
    const block = small.transformer({ vocabulary: 4, width: 4, heads: 3, headWidth: 5, hidden: 4 });
    const random = createRandom('heads');
    const planted = randomPermutations(block.spec, random.fork('moves'));
    const reference = small.randomWeights(block, random.fork('weights'));
    const model = permuteModel({ weights: reference, ...block, permutations: planted });
    // What a unit puts out stands for the unit itself: a few samples that only it has.
    const activations: Activations = function* (weights, place) {
      const { axes, size } = block.spec.permutations.find(({ name }) => name === place) ?? {
        axes: [],
        size: 0,
      };
      const { tensor, axis, start = 0 } = axes[0];
      const { offset, shape } = block.layout.tensors.find(({ name }) => name === tensor) ?? {
        offset: 0,
        shape: [],
      };
      const at = (row: number, unit: number) =>
        axis === 1 ? row * shape[1] + start + unit : (start + unit) * shape[1] + row;
      // A row sorted by size does not depend on the order of the stream.
      const columns = Array.from({ length: size }, (_, unit) =>
        Array.from({ length: 4 }, (_, row) => weights[offset + at(row, unit)]).sort((a, b) => a - b),
      );
      for (let row = 0; row < 4; row++) yield Float32Array.from(columns, (column) => column[row]);
    };
    const models = { ...block, reference, model };
    const { permutations } = matchActivations({ ...models, activations, score: 'inner-product' });
    for (const [name, { length }] of planted) {
      if (!/^(keys|values|heads)/.test(name)) continue;
      assert.equal(permutations.get(name)?.length, length);
    }
    const heads = planted.get('heads');
    assert.deepEqual(
      Array.from(permutations.get('heads') ?? [], (place) => heads?.[place]),
      [0, 1, 2],
    );
  });

  it('refuses activations that are none, not finite, or of different numbers of samples', () => {
    const { reference, moved, activations } = planted('bad', 0);
    const fine = { ...model, reference, model: moved, activations };
    const only =
      (batches: (weights: Float32Array) => Float32Array[]): Activations =>
      (weights) =>
        batches(weights);
    const none = only(() => []);
    assert.equal(codeOf({ ...fine, activations: none }), 'MELDMESH_FUSION_TOO_FEW');
    const uneven = only((weights) => [new Float32Array(weights === reference ? 120 : 240)]);
    assert.equal(codeOf({ ...fine, activations: uneven }), 'MELDMESH_FUSION_SHAPE');
    const longer = only((weights) => new Array(weights === reference ? 1 : 2).fill(new Float32Array(120)));
    assert.equal(codeOf({ ...fine, activations: longer }), 'MELDMESH_FUSION_SHAPE');
    const odd = only(() => [new Float32Array(119)]);
    assert.equal(codeOf({ ...fine, activations: odd }), 'MELDMESH_FUSION_SHAPE');
    const broken = only(() => [new Float32Array(120).fill(Number.NaN)]);
    assert.equal(codeOf({ ...fine, activations: broken }), 'MELDMESH_FUSION_NOT_FINITE');
    assert.equal(codeOf({ ...fine, reference: reference.subarray(1) }), 'MELDMESH_FUSION_SHAPE');
  });
});
