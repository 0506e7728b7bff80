import assert from 'node:assert/strict';
import { FusionError } from '../../../fusion/errors.ts';
import {
  matchStraightThrough,
  type StraightThroughOptions,
} from '../../../fusion/matching/straight-through.ts';
import { createRandom } from '../../../fusion/random.ts';
import { isPermutation } from '../../../fusion/symmetry/axis-map.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

/**
 * A loss that weight matching cannot see: how far a model is from a target that lies half way to one certain permutation of the
 * other model, all other permutations being worse. Its gradient is known.
 */
function puzzle(seed: string) {
  const model = small.mlp([4, 6, 3]);
  const random = createRandom(seed);
  const reference = small.randomWeights(model, random.fork('a'));
  const other = small.randomWeights(model, random.fork('b'));
  const wanted = new Map([['hidden_0', Uint32Array.of(3, 1, 5, 0, 2, 4)]]);
  const aligned = permuteModel({ weights: other, ...model, permutations: wanted });
  const target = reference.map((weight, at) => (weight + aligned[at]) / 2);
  const loss = (weights: Float32Array) =>
    weights.reduce((sum, weight, at) => sum + (weight - target[at]) ** 2, 0);
  const options: StraightThroughOptions = {
    ...{ ...model, reference, model: other, random, steps: 200, learningRate: 0.02 },
    gradient: (weights) => ({
      loss: loss(weights),
      gradient: weights.map((weight, at) => 2 * (weight - target[at])),
    }),
    evaluate: (weights) => ({ loss: loss(weights) }),
  };
  return { options, wanted, loss };
}

describe('straight-through matching', () => {
  it('follows the loss to permutations that the weights alone do not show', () => {
    for (const seed of ['a', 'b', 'c']) {
      const { options, wanted } = puzzle(seed);
      const matching = matchStraightThrough(options);
      assert.deepEqual(matching.permutations.get('hidden_0'), wanted.get('hidden_0'), seed);
      assert.ok(matching.lossAfter < 1e-6);
      assert.ok(matching.bestStep > 0);
    }
  });

  it('never ends above the loss of weight matching, and reports losses half way', () => {
    const { options, loss } = puzzle('short');
    const bestLosses: number[] = [];
    const matching = matchStraightThrough({
      ...{ ...options, steps: 5 },
      onStep: ({ bestLoss }) => bestLosses.push(bestLoss),
    });
    for (const [at, best] of bestLosses.entries()) assert.ok(at === 0 || best <= bestLosses[at - 1]);
    assert.equal(matching.lossAfter, bestLosses.at(-1));
    const middle = (aligned: Float32Array) =>
      options.reference.map((weight, at) => (weight + aligned[at]) / 2);
    const { permutations } = matching;
    for (const permutation of permutations.values()) assert.ok(isPermutation(permutation));
    const aligned = permuteModel({ ...options, weights: options.model, permutations });
    assert.equal(matching.lossAfter, loss(middle(aligned)));
    assert.equal(matching.lossBefore, loss(middle(options.model)));
  });

  it('refuses settings, gradients and losses that make no sense', () => {
    const { options } = puzzle('bad');
    const codeOf = (changes: Partial<StraightThroughOptions>): unknown => {
      try {
        matchStraightThrough({ ...options, ...changes });
      } catch (error) {
        return error instanceof FusionError ? error.code : error;
      }
      return undefined;
    };
    assert.equal(codeOf({ steps: 0 }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ learningRate: Number.NaN }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ evaluate: () => ({ loss: Number.NaN }) }), 'MELDMESH_FUSION_NOT_FINITE');
    const short = () => ({ loss: 1, gradient: new Float32Array(3) });
    assert.equal(codeOf({ gradient: short }), 'MELDMESH_FUSION_SHAPE');
    const broken = (weights: Float32Array) => ({ loss: 1, gradient: weights.map(() => Number.NaN) });
    assert.equal(codeOf({ gradient: broken }), 'MELDMESH_FUSION_NOT_FINITE');
    assert.equal(codeOf({ model: options.model.subarray(1) }), 'MELDMESH_FUSION_SHAPE');
  });
});
