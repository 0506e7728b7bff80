import assert from 'node:assert/strict';
import { initialWeights, layoutOf } from '../../../fusion/model-spec.ts';
import { createRandom } from '../../../fusion/random.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import type { PermutationSpec } from '../../../fusion/symmetry/permutation-spec.ts';
import { type ProofOptions, proveSpec } from '../../../fusion/symmetry/prove.ts';
import type { DenseSpec } from '../../../fusion/types.ts';
import { MLP } from './support/convolutional.ts';
import { refuses, refusesSpec } from './support/refusal.ts';
import { tensorsOf, weightsOf } from './support/tiny-model.ts';

const model: DenseSpec = {
  kind: 'dense',
  inputs: 5,
  layers: [
    { units: 7, activation: 'relu' },
    { units: 6, activation: 'relu' },
    { units: 3, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const layout = layoutOf(model);
const weights = weightsOf(layout);
const spec = permutationSpecOf(model);
const outputs = (some: Float32Array): number[] => MLP.forward(tensorsOf(layout, some));
const prove = (options: Partial<ProofOptions> = {}) =>
  proveSpec({ weights, layout, spec, outputs, random: createRandom('proof'), ...options });

/** As if the rows of the second kernel stood still. */
const torn: PermutationSpec = {
  ...spec,
  permutations: spec.permutations.map((permutation) => ({
    ...permutation,
    axes: permutation.axes.filter(({ tensor, axis }) => tensor !== 'dense_1/kernel' || axis !== 0),
  })),
};

describe('the proof of a spec', () => {
  it('holds for our own models', () => {
    const { largestDifference, ...proof } = prove();
    assert.deepEqual(proof, { holds: true, draws: 4, breaking: [], unmoved: [] });
    assert(largestDifference < 1e-14);
  });

  it('does not hold where the rows after a permuted layer stand still, and names the layer', () => {
    const proof = prove({ spec: torn });
    assert.equal(proof.holds, false);
    assert.equal(proof.code, 'MELDMESH_FUSION_SPEC');
    assert(proof.largestDifference > 0.01);
    assert.deepEqual(proof.breaking, ['dense_0']);
  });

  it('gives the same for the same seed', () => {
    assert.deepEqual(prove({ spec: torn }), prove({ spec: torn }));
    const other = prove({ spec: torn, random: createRandom('another') });
    assert.notEqual(other.largestDifference, prove({ spec: torn }).largestDifference);
  });

  it('measures by the largest output, so that small outputs need not be exact', () => {
    const large = (some: Float32Array): number[] => [1e9, ...outputs(some)];
    const proof = prove({ spec: torn, outputs: large });
    assert(proof.holds && proof.largestDifference > 0 && proof.largestDifference < 1e-8);
    assert.equal(prove({ spec: torn, outputs: large, tolerance: 1e-12 }).holds, false);
  });

  it('names tensors about which it says nothing, because their entries are all alike', () => {
    const fresh = prove({ weights: initialWeights(model, 'fresh') });
    assert(fresh.holds);
    assert.deepEqual(fresh.unmoved, ['dense_0/bias', 'dense_1/bias']);
  });

  it('does not hold where a permuted model gives no numbers, or another count of them', () => {
    const first = weights.slice();
    const isFirst = (some: Float32Array): boolean => first.every((value, i) => value === some[i]);
    const proofs = [
      prove({ outputs: (some) => (isFirst(some) ? [1] : [Number.NaN]) }),
      prove({ outputs: (some) => (isFirst(some) ? [1] : [1, 1]) }),
    ];
    for (const { holds, largestDifference } of proofs)
      assert.deepEqual({ holds, largestDifference }, { holds: false, largestDifference: Infinity });
  });

  it('allows outputs that are all zero if they stay so', () => {
    assert.equal(prove({ outputs: () => [0, 0] }).holds, true);
    let calls = 0;
    assert.equal(prove({ outputs: () => [calls++ * 1e-30] }).holds, false);
  });

  it('reads outputs before they are written over', () => {
    const memory = new Float64Array(12);
    const overwriting = (some: Float32Array): Float64Array => {
      memory.set(outputs(some));
      return memory;
    };
    assert.equal(prove({ spec: torn, outputs: overwriting }).holds, false);
  });

  it('needs outputs that are finite, and at least one draw', () => {
    refuses(() => prove({ outputs: () => [] }), 'MELDMESH_FUSION_TOO_FEW', /without outputs/);
    refuses(() => prove({ outputs: () => [Number.NaN] }), 'MELDMESH_FUSION_NOT_FINITE', /not finite/);
    refuses(() => prove({ outputs: () => [Infinity, 1] }), 'MELDMESH_FUSION_NOT_FINITE', /not finite/);
    refuses(() => prove({ draws: 0 }), 'MELDMESH_FUSION_TOO_FEW', /one draw/);
    refusesSpec(() => prove({ spec: { permutations: [], untouched: [] } }), /dense_0\/kernel/);
    refuses(
      () => prove({ weights: new Float32Array(3), outputs: () => [1] }),
      'MELDMESH_FUSION_SHAPE',
      /3 values/,
    );
  });
});
