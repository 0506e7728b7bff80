import assert from 'node:assert/strict';
import { FusionError } from '../../../fusion/errors.ts';
import {
  type CycleConsistentOptions,
  matchCycleConsistent,
  permutationsBetween,
} from '../../../fusion/matching/cycle-consistent.ts';
import { type MergeManyOptions, mergeMany } from '../../../fusion/matching/merge-many.ts';
import { bestStep, stepPolynomial } from '../../../fusion/matching/step-polynomial.ts';
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import { createRandom } from '../../../fusion/random.ts';
import { composePermutations, randomPermutations } from '../../../fusion/symmetry/permutations.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

const rules = { MergeMany: mergeMany, 'cycle-consistent matching': matchCycleConsistent };
const models = {
  'an MLP': small.mlp([12, 16, 16, 4]),
  'a convolutional net': small.convolutional(12, 2),
  'a residual net': small.residual(12, 2),
};

/** Noisy twins of one model, each with its units moved in a way of its own. */
function plantedMany(model: small.SmallModel, count: number, seed: string) {
  const random = createRandom(seed);
  const origin = small.randomWeights(model, random.fork('weights'));
  const moves = Array.from({ length: count }, (_, index) =>
    randomPermutations(model.spec, random.fork(`moves ${index}`)),
  );
  const moved = moves.map((permutations, index) => {
    const weights = small.withNoise(origin, 0.1, random.fork(`noise ${index}`));
    return permuteModel({ weights, ...model, permutations });
  });
  return { moved, moves };
}

const asText = (permutations: ReadonlyMap<string, Uint32Array>): string =>
  [...permutations]
    .map(([name, order]) => `${name}: ${order.join()}`)
    .sort()
    .join('; ');

function unrelated(model: small.SmallModel, count: number, seed: string): Float32Array[] {
  return Array.from({ length: count }, (_, index) =>
    small.randomWeights(model, createRandom(`${seed} ${index}`)),
  );
}

const codeOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

describe('matching many models', () => {
  for (const [name, rule] of Object.entries(rules)) {
    for (const [kind, model] of Object.entries(models)) {
      it(`${name} brings noisy, moved copies of ${kind} into one order`, () => {
        for (const seed of ['a', 'b']) {
          const { moved, moves } = plantedMany(model, 4, seed);
          const { permutations } = rule({ ...model, models: moved, random: createRandom(seed), starts: 8 });
          const whole = permutations.map((second, index) =>
            asText(composePermutations(model.spec, { first: moves[index], second })),
          );
          assert.equal(new Set(whole).size, 1, `seed ${seed}`);
        }
      });
    }

    it(`${name} brings unrelated models nearer to one another, and says by how much`, () => {
      const model = small.mlp([6, 10, 10, 3]);
      const all = unrelated(model, 4, 'unrelated');
      const { permutations, merged, spreadBefore, spreadAfter } = rule({
        ...model,
        models: all,
        random: createRandom('r'),
      });
      const aligned = permutations.map((each, index) =>
        permuteModel({ weights: all[index], ...model, permutations: each }),
      );
      const bias = model.layout.tensors.at(-1)?.offset;
      const spread = (weights: readonly Float32Array[]) =>
        weights
          .flatMap((a, i) =>
            weights
              .slice(0, i)
              .map((b) => a.subarray(0, bias).reduce((sum, value, at) => sum + (value - b[at]) ** 2, 0)),
          )
          .reduce((sum, each) => sum + each);
      assert.ok(Math.abs(spread(all) - spreadBefore) < 1e-3);
      assert.ok(Math.abs(spread(aligned) - spreadAfter) < 1e-3);
      assert.ok(spreadAfter < 0.9 * spreadBefore);
      const input = [1, -0.5, 0.25, 2, 0, -1];
      for (const [at, logit] of small.forward(model, all[2], input).entries()) {
        assert.ok(Math.abs(logit - small.forward(model, aligned[2], input)[at]) < 1e-4);
      }
      const mean = aligned.reduce((sum, weights) => sum + weights[7], 0) / 4;
      assert.ok(Math.abs(merged[7] - mean) < 1e-6);
    });

    it(`${name} refuses a single model, and models that are not alike`, () => {
      const model = small.mlp([3, 4, 2]);
      const [a, b] = unrelated(model, 2, 'bad');
      const run = (options: Partial<MergeManyOptions & CycleConsistentOptions>) =>
        codeOf(() => rule({ ...model, models: [a, b], random: createRandom('r'), ...options }));
      assert.equal(run({ models: [a] }), 'MELDMESH_FUSION_TOO_FEW');
      assert.equal(run({ models: [] }), 'MELDMESH_FUSION_TOO_FEW');
      assert.equal(run({ models: [a, b.subarray(1)] }), 'MELDMESH_FUSION_SHAPE');
      assert.equal(run({ models: [a, b.with(0, Number.NaN)] }), 'MELDMESH_FUSION_NOT_FINITE');
      assert.equal(run({ spec: small.mlp([3, 5, 2]).spec }), 'MELDMESH_FUSION_SPEC');
    });
  }

  it('comes back to the identity on every way round, exactly', () => {
    const model = models['an MLP'];
    const { permutations } = matchCycleConsistent({
      ...{ ...model, models: unrelated(model, 3, 'cycle'), random: createRandom('r'), starts: 2 },
    });
    const between = (from: number, to: number) =>
      permutationsBetween(model.spec, { from: permutations[from], to: permutations[to] });
    const first = composePermutations(model.spec, { first: between(0, 1), second: between(1, 2) });
    const round = composePermutations(model.spec, { first, second: between(2, 0) });
    for (const order of round.values()) assert.deepEqual(order, order.toSorted());
    assert.equal(asText(first), asText(between(0, 2)));
  });

  it('never lets the relaxed objective fall', () => {
    const model = models['a residual net'];
    const objectives: number[] = [];
    matchCycleConsistent({
      ...{ ...model, models: unrelated(model, 3, 'ascent'), random: createRandom('r'), starts: 1 },
      onIteration: ({ objective }) => objectives.push(objective),
    });
    assert.ok(objectives.length > 2);
    for (const [at, objective] of objectives.entries()) {
      assert.ok(at === 0 || objective >= objectives[at - 1] * (1 - 1e-6));
    }
  });

  it('matches two models about as well as weight matching does', () => {
    const model = small.mlp([10, 24, 24, 4]);
    const [reference, other] = unrelated(model, 2, 'pair');
    const pair = { ...model, reference, model: other, random: createRandom('r'), starts: 4 };
    const byWeights = matchWeights(pair).after.squaredDistance;
    const together = matchCycleConsistent({
      ...model,
      models: [reference, other],
      random: createRandom('r'),
    });
    assert.ok(together.spreadAfter < 1.05 * byWeights, `${together.spreadAfter} and ${byWeights}`);
  });

  it('refuses units with permutations inside them where they would be mixed', () => {
    const model = small.transformer({ vocabulary: 3, width: 4, heads: 2, headWidth: 2, hidden: 3 });
    const options = { ...model, models: unrelated(model, 2, 'heads'), random: createRandom('r') };
    assert.equal(
      codeOf(() => matchCycleConsistent(options)),
      'MELDMESH_FUSION_SPEC',
    );
    assert.equal(
      codeOf(() => mergeMany(options)),
      undefined,
    );
  });

  it('finds the best step of the line search as slow tries do', () => {
    const random = createRandom('polynomial');
    const tensors = [{ name: 'a', shape: [5], offset: 1, size: 5 }];
    for (let round = 0; round < 20; round++) {
      const draw = () =>
        Array.from({ length: 3 }, () => Float32Array.from({ length: 7 }, () => small.gaussian(random)));
      const [a, b, c] = [draw(), draw(), draw()];
      const at = (step: number) =>
        a.map((_, index) =>
          a[index].map((value, k) => value + b[index][k] * step + c[index][k] * step * step),
        );
      const polynomial = stepPolynomial(tensors, { begins: at(0), middles: at(0.5), ends: at(1) });
      const slow = (step: number) => {
        const [x, y, z] = at(step).map((vector) => vector.subarray(1, 6));
        return x.reduce((sum, value, k) => sum + value * y[k] + value * z[k] + y[k] * z[k], 0);
      };
      const { step, value } = bestStep(polynomial);
      assert.ok(Math.abs(value - slow(step)) < 1e-3);
      for (let k = 0; k <= 50; k++) assert.ok(slow(k / 50) <= value + 1e-3);
    }
  });
});
