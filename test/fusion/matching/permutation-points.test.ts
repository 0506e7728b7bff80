import assert from 'node:assert/strict';
import { FusionError } from '../../../fusion/errors.ts';
import {
  type PermutationPathOptions,
  slideToPermutation,
} from '../../../fusion/matching/permutation-points.ts';
import { createRandom } from '../../../fusion/random.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import * as small from './small-models.ts';

/** A teacher of three units, and students of eight that have learned it: there is room to slide. */
const student = small.mlp([2, 8, 1]);
const teacher = small.mlp([2, 3, 1]);
const inputs = small.randomInputs(60, 2, createRandom('inputs'));
const taught = small.randomWeights(teacher, createRandom('teacher'));
const targets = inputs.map((input) => small.forward(teacher, taught, input)[0]);
const loss = (weights: Float32Array): number =>
  inputs.reduce((sum, input, at) => sum + (small.forward(student, weights, input)[0] - targets[at]) ** 2, 0) /
  inputs.length;

/** Backpropagation by hand: kernel [2, 8], bias [8], kernel [8, 1], bias [1]. */
function slopeOf(weights: Float32Array): Float32Array {
  const slope = new Float64Array(weights.length);
  for (const [at, input] of inputs.entries()) {
    const [hidden, [output]] = small.outputsOf(student, weights, input);
    const error = (2 * (output - targets[at])) / inputs.length;
    slope[32] += error;
    for (const [unit, value] of hidden.entries()) {
      slope[24 + unit] += error * value;
      if (value === 0) continue;
      const back = error * weights[24 + unit];
      slope[16 + unit] += back;
      for (const [row, each] of input.entries()) slope[8 * row + unit] += back * each;
    }
  }
  return Float32Array.from(slope);
}

function learned(): Float32Array {
  const weights = small.randomWeights(student, createRandom('student'));
  const velocity = new Float32Array(weights.length);
  for (let step = 0; step < 1500; step++) {
    for (const [at, slope] of slopeOf(weights).entries()) {
      velocity[at] = 0.9 * velocity[at] + slope;
      weights[at] -= 0.01 * velocity[at];
    }
  }
  return weights;
}

describe('permutation points', () => {
  let options: PermutationPathOptions;
  before(() => {
    options = {
      ...{
        ...student,
        weights: learned(),
        permutation: 'hidden_0',
        units: [1, 6],
        stages: 10,
        stepsPerStage: 60,
      },
      gradient: (weights) => ({ loss: loss(weights), gradient: slopeOf(weights) }),
      evaluate: (weights) => ({ loss: loss(weights) }),
    };
  });

  it('slides two units into one another and back in each other’s place, with the loss flat along the way', () => {
    const { weights } = options;
    const { points, permutationPoint, lossRiseMax } = slideToPermutation(options);
    const order = Uint32Array.of(0, 6, 2, 3, 4, 5, 1, 7);
    const swapped = permuteModel({ weights, ...student, permutations: new Map([['hidden_0', order]]) });
    assert.deepEqual(points[0].weights, weights);
    assert.deepEqual(points.at(-1)?.weights, swapped);
    assert.equal(points[permutationPoint].distance, 0);
    for (const [at, { distance }] of points.slice(0, permutationPoint + 1).entries()) {
      assert.ok(Math.abs(distance - points[0].distance * (1 - at / 10)) < 1e-4);
    }
    const straight = weights.map((weight, at) => (weight + swapped[at]) / 2);
    assert.ok(lossRiseMax < 0.02, `the loss rises by ${lossRiseMax}`);
    assert.ok(loss(straight) - points[0].loss > 10 * lossRiseMax, 'the straight way is not flat');
  });

  it('keeps the function while the outgoing weights change places, and on the way back', () => {
    const { points, permutationPoint } = slideToPermutation(options);
    const meeting = points[permutationPoint].loss;
    const plateau = points.slice(permutationPoint, -permutationPoint);
    assert.ok(plateau.length >= 5);
    for (const point of plateau) assert.ok(Math.abs(point.loss - meeting) < 1e-6);
    for (const [at, point] of points.entries()) {
      assert.ok(Math.abs(point.loss - points[points.length - 1 - at].loss) < 1e-6);
    }
  });

  it('refuses units and settings that make no path', () => {
    const codeOf = (changes: Partial<PermutationPathOptions>): unknown => {
      try {
        slideToPermutation({ ...options, ...changes });
      } catch (error) {
        return error instanceof FusionError ? error.code : error;
      }
      return undefined;
    };
    assert.equal(codeOf({ units: [1, 1] }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ units: [1, 8] }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ permutation: 'other' }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ stages: 0 }), 'MELDMESH_FUSION_SPEC');
    assert.equal(codeOf({ weights: options.weights.subarray(1) }), 'MELDMESH_FUSION_SHAPE');
    assert.equal(codeOf({ evaluate: () => ({ loss: Number.NaN }) }), 'MELDMESH_FUSION_NOT_FINITE');
  });
});
