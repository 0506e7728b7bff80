import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import { likenessOf } from '../../../fusion/matching/model-pair.ts';
import { matchWeights, type WeightMatchingOptions } from '../../../fusion/matching/weight-matching.ts';
import { createRandom } from '../../../fusion/random.ts';
import { isPermutation } from '../../../fusion/symmetry/axis-map.ts';
import { randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

const NOISE = 0.2;

/** A model, its noisy twin, and the twin with its units moved. */
function planted(model: small.SmallModel, seed: string, noise = NOISE) {
  const random = createRandom(seed);
  const reference = small.randomWeights(model, random.fork('weights'));
  const twin = small.withNoise(reference, noise, random.fork('noise'));
  const permutations = randomPermutations(model.spec, random.fork('moves'));
  return { reference, twin, moved: permuteModel({ weights: twin, ...model, permutations }) };
}

function recovers(model: small.SmallModel, seed: string, starts = 1): boolean {
  const { reference, twin, moved } = planted(model, seed);
  const matching = matchWeights({ ...model, reference, model: moved, random: createRandom(seed), starts });
  const { permutations } = matching;
  return Buffer.from(permuteModel({ weights: moved, ...model, permutations }).buffer).equals(
    Buffer.from(twin.buffer),
  );
}

const seeds = Array.from({ length: 6 }, (_, index) => `planted ${index}`);
const codeOf = (options: WeightMatchingOptions): unknown => {
  try {
    matchWeights(options);
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

function ordersOf(size: number): Uint32Array[] {
  if (size === 0) return [new Uint32Array(0)];
  return ordersOf(size - 1).flatMap((order) =>
    Array.from({ length: size }, (_, at) =>
      Uint32Array.from([...order.slice(0, at), size - 1, ...order.slice(at)]),
    ),
  );
}

describe('weight matching', () => {
  const models = {
    'an MLP': small.mlp([20, 32, 32, 32, 5]),
    'a convolutional net with batch norm': small.convolutional(16, 4),
    'a residual net': small.residual(24, 3),
    'an LSTM': small.recurrent(12, 24),
    'a transformer block': small.transformer({
      ...{ vocabulary: 32, width: 24, heads: 4, headWidth: 6, hidden: 48 },
    }),
  };
  for (const [name, model] of Object.entries(models)) {
    it(`finds the moves of every unit of ${name} again, with a fifth of noise on all weights`, () => {
      assert.deepEqual(
        seeds.filter((seed) => !recovers(model, seed, 3)),
        [],
      );
    });
  }

  it('ends where no permutation alone could do better, and never falls on the way', () => {
    const tiny = {
      mlp: small.mlp([3, 4, 4, 4, 2]),
      convolutional: small.convolutional(4, 2),
      residual: small.residual(4, 2),
      transformer: small.transformer({ vocabulary: 3, width: 4, heads: 3, headWidth: 2, hidden: 4 }),
    };
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(tiny)), fc.integer(), (model, seed) => {
        const random = createRandom(`ascent ${seed}`);
        const reference = small.randomWeights(model, random.fork('a'));
        const models = { ...model, reference, model: small.randomWeights(model, random.fork('b')) };
        const objectives: number[] = [likenessOf(models).objective];
        const onSweep = ({ objective }: { readonly objective: number }) => objectives.push(objective);
        const { permutations, after } = matchWeights({ ...models, random, onSweep });
        for (const [at, objective] of objectives.entries()) {
          assert.ok(at === 0 || objective >= objectives[at - 1] - 1e-9);
        }
        assert.ok(Math.abs((objectives.at(-1) ?? 0) - after.objective) < 1e-9);
        for (const { name, size } of model.spec.permutations) {
          for (const order of ordersOf(size)) {
            const { objective } = likenessOf(models, new Map(permutations).set(name, order));
            assert.ok(objective <= after.objective + 1e-9, `${name} could be better`);
          }
        }
      }),
      { seed: 65, numRuns: 25 },
    );
  });

  it('keeps the function of the model and measures what it says', () => {
    const model = small.mlp([6, 9, 7, 4]);
    const random = createRandom('function');
    const reference = small.randomWeights(model, random.fork('a'));
    const weights = small.randomWeights(model, random.fork('b'));
    const models = { ...model, reference, model: weights };
    const { permutations, before, after } = matchWeights({ ...models, random });
    for (const permutation of permutations.values()) assert.ok(isPermutation(permutation));
    const aligned = permuteModel({ weights, ...model, permutations });
    const input = [0.3, -1, 2, 0.5, 0, 1];
    for (const [at, logit] of small.forward(model, weights, input).entries()) {
      assert.ok(Math.abs(logit - small.forward(model, aligned, input)[at]) < 1e-5);
    }
    const bias = model.layout.tensors.at(-1)?.offset;
    const slow = [weights, aligned].map((other) => {
      const compared = reference.subarray(0, bias);
      const differences = Array.from(compared, (value, at) => (value - other[at]) ** 2);
      return differences.reduce((sum, square) => sum + square, 0);
    });
    assert.ok(Math.abs(before.squaredDistance - slow[0]) < 1e-9);
    assert.ok(Math.abs(after.squaredDistance - slow[1]) < 1e-9);
    assert.ok(after.squaredDistance < before.squaredDistance);
    const twice = before.squaredDistance + 2 * before.objective;
    assert.ok(Math.abs(after.squaredDistance + 2 * after.objective - twice) < 1e-6);
  });

  it('leaves a model that is aligned with itself alone', () => {
    const model = small.mlp([5, 8, 8, 3]);
    const reference = small.randomWeights(model, createRandom('self'));
    const { permutations, sweeps, after } = matchWeights({
      ...{ ...model, reference, model: reference, random: createRandom('order') },
    });
    assert.equal(sweeps, 1);
    assert.equal(after.squaredDistance, 0);
    for (const permutation of permutations.values()) assert.deepEqual(permutation, permutation.toSorted());
  });

  it('finds nothing better where all weights are equal, or all zero', () => {
    const model = small.mlp([5, 8, 8, 3]);
    for (const value of [1, 0]) {
      const constant = new Float32Array(model.layout.size).fill(value);
      const { sweeps } = matchWeights({
        ...{ ...model, reference: constant, model: constant, random: createRandom('order') },
      });
      assert.equal(sweeps, 1);
    }
  });

  it('does not look at statistics, whose scale is another one', () => {
    const model = small.convolutional(12, 1);
    const { reference, twin, moved } = planted(model, 'statistics');
    for (const { name, offset, size } of model.layout.tensors) {
      if (/mean|variance/.test(name)) {
        for (let at = offset; at < offset + size; at++) [reference[at], moved[at]] = [1000 * at, -1000 * at];
      }
    }
    const { permutations } = matchWeights({ ...model, reference, model: moved, random: createRandom('s') });
    const found = permuteModel({ weights: moved, ...model, permutations });
    const { offset, size } = model.layout.tensors[0];
    assert.deepEqual(found.subarray(offset, offset + size), twin.subarray(offset, offset + size));
  });

  it('keeps the best of several starts, and finds the same again from the same seed', () => {
    const model = small.mlp([4, 16, 16, 3]);
    const random = createRandom('starts');
    const reference = small.randomWeights(model, random.fork('a'));
    const models = { ...model, reference, model: small.randomWeights(model, random.fork('b')) };
    const match = (starts: number) => matchWeights({ ...models, random: createRandom('orders'), starts });
    assert.deepEqual(match(8), match(8));
    assert.ok(match(8).after.objective >= match(1).after.objective);
  });

  it('goes on from given permutations', () => {
    const model = small.mlp([4, 16, 16, 3]);
    const random = createRandom('initial');
    const reference = small.randomWeights(model, random.fork('a'));
    const models = { ...model, reference, model: small.randomWeights(model, random.fork('b')) };
    const first = matchWeights({ ...models, random });
    const again = matchWeights({ ...models, random, initial: first.permutations });
    assert.equal(again.sweeps, 1);
    assert.deepEqual(again.permutations, first.permutations);
  });

  it('is as good with a product in float32', () => {
    const model = small.mlp([20, 32, 32, 5]);
    const { reference, twin, moved } = planted(model, 'float32');
    const { permutations } = matchWeights({
      ...{ ...model, reference, model: moved, random: createRandom('order') },
      product: ({ left, right, rows, columns, depth, into }) => {
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let sum = 0;
            for (let k = 0; k < depth; k++) {
              sum = Math.fround(sum + Math.fround(left[i * depth + k] * right[j * depth + k]));
            }
            into[i * columns + j] += sum;
          }
        }
      },
    });
    assert.deepEqual(permuteModel({ weights: moved, ...model, permutations }), twin);
  });

  it('refuses models that do not fit the layout, are not finite, and specs and starts that do not fit', () => {
    const model = small.mlp([3, 4, 2]);
    const weights = small.randomWeights(model, createRandom('bad'));
    const fine = { ...model, reference: weights, model: weights, random: createRandom('order') };
    assert.equal(codeOf({ ...fine, model: weights.subarray(1) }), 'MELDMESH_FUSION_SHAPE');
    assert.equal(codeOf({ ...fine, reference: new Float32Array(0) }), 'MELDMESH_FUSION_SHAPE');
    assert.equal(codeOf({ ...fine, model: weights.with(5, Number.NaN) }), 'MELDMESH_FUSION_NOT_FINITE');
    assert.equal(codeOf({ ...fine, spec: small.mlp([3, 5, 2]).spec }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ ...fine, starts: 0 }), 'MELDMESH_FUSION_SPEC');
    const initial = new Map([['hidden_0', Uint32Array.of(0, 0, 1, 2)]]);
    assert.equal(codeOf({ ...fine, initial }), 'MELDMESH_FUSION_SPEC');
  });
});
