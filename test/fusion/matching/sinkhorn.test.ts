import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import { assign } from '../../../fusion/matching/assignment.ts';
import { type SinkhornOptions, sinkhorn } from '../../../fusion/matching/sinkhorn.ts';
import { matchSoftly } from '../../../fusion/matching/soft-matching.ts';
import { type SpecifiedModel, transportModel } from '../../../fusion/matching/transport-fusion.ts';
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import { createRandom } from '../../../fusion/random.ts';
import { randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

/** The textbook: scale rows, scale columns, again and again. */
function slowSinkhorn({ scores, rows, columns, temperature, rowMass = 1 }: SinkhornOptions): number[][] {
  let plan = Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => Math.exp(scores[i * columns + j] / temperature)),
  );
  for (let iteration = 0; iteration < 4000; iteration++) {
    plan = plan.map((row) => {
      const sum = row.reduce((total, value) => total + value, 0);
      return row.map((value) => (value * rowMass) / sum);
    });
    const sums = plan[0].map((_, j) => plan.reduce((total, row) => total + row[j], 0));
    plan = plan.map((row) => row.map((value, j) => (value * rows * rowMass) / columns / sums[j]));
  }
  return plan;
}

const scoresOf = (count: number, seed: string, scale = 1) => {
  const random = createRandom(seed);
  return Float64Array.from({ length: count }, () => scale * (2 * random.float() - 1));
};

describe('Sinkhorn plans', () => {
  it('are what scaling rows and columns ends in', () => {
    const size = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        size,
        size,
        fc.integer(),
        fc.constantFrom(0.3, 1, 5),
        (rows, columns, seed, temperature) => {
          const options = {
            scores: scoresOf(rows * columns, `${seed}`),
            rows,
            columns,
            temperature,
            rowMass: 0.5,
          };
          const { plan, error } = sinkhorn(options);
          assert.ok(error <= 1e-6);
          for (const [at, value] of slowSinkhorn(options).flat().entries())
            assert.ok(Math.abs(plan[at] - value) < 1e-5);
        },
      ),
      { seed: 70, numRuns: 40 },
    );
  });

  it('become the best assignment when it gets cold, far beyond the range of an exponential', () => {
    const scores = scoresOf(64, 'cold', 1000);
    const { plan } = sinkhorn({ scores, rows: 8, columns: 8, temperature: 0.5 });
    const { columnOfRow } = assign({ scores, rows: 8, columns: 8, goal: 'greatest' });
    for (const [row, column] of columnOfRow.entries()) assert.ok(plan[row * 8 + column] > 0.999);
  });

  it('spread evenly where all scores are equal', () => {
    const { plan } = sinkhorn({ scores: new Float64Array(6).fill(3), rows: 2, columns: 3, temperature: 1 });
    for (const value of plan) assert.ok(Math.abs(value - 1 / 3) < 1e-12);
  });

  it('refuse scores and settings that make no plan', () => {
    const fine = { scores: new Float64Array(4), rows: 2, columns: 2, temperature: 1 };
    assert.equal(
      codeOf(() => sinkhorn({ ...fine, rows: 0 })),
      'MELDMESH_FUSION_TOO_FEW',
    );
    assert.equal(
      codeOf(() => sinkhorn({ ...fine, rows: 3 })),
      'MELDMESH_FUSION_SHAPE',
    );
    assert.equal(
      codeOf(() => sinkhorn({ ...fine, temperature: 0 })),
      'MELDMESH_FUSION_SPEC',
    );
    const broken = Float64Array.of(1, Number.NaN, 1, 1);
    assert.equal(
      codeOf(() => sinkhorn({ ...fine, scores: broken })),
      'MELDMESH_FUSION_NOT_FINITE',
    );
  });
});

describe('soft matching', () => {
  for (const [name, model] of Object.entries({
    'an MLP': small.mlp([12, 16, 16, 4]),
    'a convolutional net': small.convolutional(12, 2),
    'a residual net': small.residual(12, 2),
  })) {
    it(`finds moved units of ${name} again under noise`, () => {
      for (const seed of ['a', 'b', 'c', 'd']) {
        const random = createRandom(seed);
        const reference = small.randomWeights(model, random.fork('weights'));
        const twin = small.withNoise(reference, 0.2, random.fork('noise'));
        const moves = randomPermutations(model.spec, random.fork('moves'));
        const moved = permuteModel({ weights: twin, ...model, permutations: moves });
        const { permutations } = matchSoftly({ ...model, reference, model: moved, random });
        assert.deepEqual(permuteModel({ weights: moved, ...model, permutations }), twin, seed);
      }
    });
  }

  it('is about as good as weight matching on unrelated models, and never worse than nothing', () => {
    const model = small.mlp([8, 20, 20, 4]);
    const [reference, other] = ['a', 'b'].map((seed) => small.randomWeights(model, createRandom(seed)));
    const models = { ...model, reference, model: other, random: createRandom('r') };
    const soft = matchSoftly(models);
    assert.ok(soft.after.objective > 0.9 * matchWeights(models).after.objective);
    const self = matchSoftly({ ...models, model: reference });
    assert.equal(self.after.squaredDistance, 0);
  });

  it('refuses units with permutations inside, and models that do not fit', () => {
    const model = small.transformer({ vocabulary: 3, width: 4, heads: 2, headWidth: 2, hidden: 3 });
    const weights = small.randomWeights(model, createRandom('heads'));
    const models = { ...model, reference: weights, model: weights, random: createRandom('r') };
    assert.equal(
      codeOf(() => matchSoftly(models)),
      'MELDMESH_FUSION_SPEC',
    );
    const dense = small.mlp([3, 4, 2]);
    const short = { ...models, ...dense };
    assert.equal(
      codeOf(() => matchSoftly(short)),
      'MELDMESH_FUSION_SHAPE',
    );
  });
});

describe('fusion by optimal transport', () => {
  const input = [0.5, -1, 2, 0.25];
  const narrow = small.mlp([4, 5, 6, 3]);
  const wide = small.mlp([4, 10, 12, 3]);
  const specified = (model: small.SmallModel, weights: Float32Array): SpecifiedModel => ({
    ...model,
    weights,
  });

  /** Every unit twice, each copy sending half of it on. */
  function doubled(weights: Float32Array): Float32Array {
    const twice = new Float32Array(wide.layout.size);
    for (const [at, { shape, offset }] of wide.layout.tensors.entries()) {
      const from = narrow.layout.tensors[at];
      const [rows, columns] = shape.length === 2 ? shape : [1, shape[0]];
      const [fromRows, fromColumns] = from.shape.length === 2 ? from.shape : [1, from.shape[0]];
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const source = from.offset + (i % fromRows) * fromColumns + (j % fromColumns);
          twice[offset + i * columns + j] = (weights[source] * fromRows) / rows;
        }
      }
    }
    return twice;
  }

  function assertSameFunction(a: SpecifiedModel, b: SpecifiedModel): void {
    const [first, second] = [a, b].map((model) => small.forward(model, model.weights, input));
    for (const [at, logit] of first.entries())
      assert.ok(Math.abs(logit - second[at]) < 1e-3, `${first} ${second}`);
  }

  it('carries a model into one of half the width that does the same, and back into the double', () => {
    const small_ = specified(narrow, small.randomWeights(narrow, createRandom('narrow')));
    const large = specified(wide, doubled(small_.weights));
    assertSameFunction(small_, large);
    const down = transportModel({ reference: small_, model: large, regularisation: 0.001 });
    assertSameFunction(specified(narrow, down.weights), small_);
    const up = transportModel({ reference: large, model: small_, regularisation: 0.001 });
    assertSameFunction(specified(wide, up.weights), small_);
    const sums = [...(down.plans.get('hidden_1') ?? [])].reduce((sum, value) => sum + value, 0);
    assert.ok(Math.abs(sums - 1) < 1e-5);
  });

  it('moves units of equal width as a permutation would', () => {
    for (const model of [small.mlp([12, 16, 16, 4]), small.convolutional(8, 2)]) {
      const random = createRandom('equal');
      const reference = small.randomWeights(model, random.fork('weights'));
      const twin = small.withNoise(reference, 0.1, random.fork('noise'));
      const permutations = randomPermutations(model.spec, random.fork('moves'));
      const moved = permuteModel({ weights: twin, ...model, permutations });
      const { weights } = transportModel({
        reference: specified(model, reference),
        model: specified(model, moved),
      });
      assert.deepEqual(weights, twin);
    }
  });

  it('refuses models of different kinds, and an exact plan between different widths', () => {
    const a = specified(narrow, small.randomWeights(narrow, createRandom('a')));
    const b = specified(wide, small.randomWeights(wide, createRandom('b')));
    const deeper = small.mlp([4, 5, 6, 6, 3]);
    const other = specified(deeper, small.randomWeights(deeper, createRandom('c')));
    const more = small.mlp([4, 5, 6, 2]);
    const fewer = specified(more, small.randomWeights(more, createRandom('d')));
    assert.equal(
      codeOf(() => transportModel({ reference: a, model: other })),
      'MELDMESH_FUSION_SPEC',
    );
    assert.equal(
      codeOf(() => transportModel({ reference: a, model: fewer })),
      'MELDMESH_FUSION_SHAPE',
    );
    assert.equal(
      codeOf(() => transportModel({ reference: a, model: b, regularisation: 0 })),
      'MELDMESH_FUSION_SPEC',
    );
    const broken = { ...b, weights: b.weights.with(3, Number.POSITIVE_INFINITY) };
    assert.equal(
      codeOf(() => transportModel({ reference: a, model: broken })),
      'MELDMESH_FUSION_NOT_FINITE',
    );
  });
});
