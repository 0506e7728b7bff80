import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRandom } from '../../../fusion/random.ts';
import { checkSpec } from '../../../fusion/symmetry/check.ts';
import { TFJS, TORCH } from '../../../fusion/symmetry/dialect.ts';
import type { InferenceOptions } from '../../../fusion/symmetry/families/family.ts';
import {
  depthwise,
  groupedConvolution,
  unitsAlikeInGroups,
} from '../../../fusion/symmetry/grouped-convolution.ts';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import { dense, groupedUnits, groupNorm, recurrent } from '../../../fusion/symmetry/layers.ts';
import type {
  PermutationOfUnits,
  PermutationSpec,
  PermutedAxis,
} from '../../../fusion/symmetry/permutation-spec.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import { proveSpec, type SpecProof } from '../../../fusion/symmetry/prove.ts';
import { SpecDraft } from '../../../fusion/symmetry/spec-draft.ts';
import { FIXED } from '../../../fusion/symmetry/units.ts';
import type { ModelLayout } from '../../../fusion/types.ts';
import * as convolutional from './support/convolutional.ts';
import { layoutOfShapes, type TinyNetwork, tensorsOf, weightsOf } from './support/tiny-model.ts';
import * as transformers from './support/transformers.ts';

interface Measured {
  readonly shapes: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly number[];
}

const MEASURED: Readonly<Record<string, Measured>> = JSON.parse(
  readFileSync(new URL('../../fixtures/symmetry/networks.vectors.json', import.meta.url), 'utf8'),
);
const NETWORKS: readonly TinyNetwork[] = [...Object.values(convolutional), ...Object.values(transformers)];

const infer =
  (options: InferenceOptions = {}) =>
  (layout: ModelLayout): PermutationSpec =>
    inferSpec(layout, options).spec;

/** Where each network's spec comes from: names and shapes, or the figure of the network. */
const SPECS: Readonly<Record<string, (layout: ModelLayout) => PermutationSpec>> = {
  mlp: infer(),
  'cnn-torch': infer(),
  'cnn-tfjs': infer(),
  resnet: infer(),
  resnext: infer(),
  'depthwise-tfjs': infer(),
  gpt2: infer({ heads: 2 }),
  llama: infer({ heads: 4 }),
  bert: infer({ heads: 2 }),
  vit: infer({ heads: 2 }),
  'timm-vit': infer({ heads: 2 }),
  groups: (layout) => {
    const draft = new SpecDraft(layout, TORCH);
    const stem = dense(draft, 'stem', { from: FIXED });
    const wide = depthwise(draft, 'depthwise', { from: stem });
    const point = groupedUnits(draft, 'pointwise', { size: 6, groups: 3 });
    dense(draft, 'pointwise', { from: wide, to: point });
    groupNorm(draft, 'norm', { units: point, groups: 3 });
    const alike = unitsAlikeInGroups(draft, 'wide', { size: 6, groups: 2 });
    dense(draft, 'wide', { from: point, to: alike });
    const grouped = groupedConvolution(draft, 'grouped', { from: alike, groups: 2 });
    dense(draft, 'head', { from: grouped, to: FIXED });
    return draft.spec();
  },
  lstm: (layout) => {
    const draft = new SpecDraft(layout, TORCH);
    const first = recurrent(draft, 'lstm', { from: FIXED });
    const second = recurrent(draft, 'lstm', { from: first, depth: 1 });
    dense(draft, 'fc', { from: second, to: FIXED });
    return draft.spec();
  },
  'lstm-tfjs': (layout) => {
    const draft = new SpecDraft(layout, TFJS);
    const hidden = recurrent(draft, 'lstm', { from: FIXED });
    dense(draft, 'dense', { from: hidden, to: FIXED });
    return draft.spec();
  },
};

interface Case {
  readonly layout: ModelLayout;
  readonly weights: Float32Array;
  readonly spec: PermutationSpec;
  outputs(weights: Float32Array): number[];
  prove(spec: PermutationSpec): SpecProof;
}

function caseOf({ name, shapes, forward }: TinyNetwork): Case {
  const layout = layoutOfShapes(shapes);
  const weights = weightsOf(layout);
  const outputs = (some: Float32Array): number[] => forward(tensorsOf(layout, some));
  const prove = (spec: PermutationSpec): SpecProof =>
    proveSpec({ weights, layout, spec, outputs, random: createRandom(name), draws: 6 });
  return { layout, weights, spec: SPECS[name](layout), outputs, prove };
}

/**
 * How far the outputs move, as a share of the largest, where the units of one permutation change places all round, but
 * not on the axis that is left out.
 */
function changeWithout(
  { layout, weights, outputs }: Case,
  permutation: PermutationOfUnits,
  left: PermutedAxis,
): number {
  const axes = permutation.axes.filter((axis) => axis !== left);
  const moved = new Set(axes.map(({ tensor }) => tensor));
  const untouched = layout.tensors.map(({ name }) => name).filter((name) => !moved.has(name));
  const spec = { permutations: [{ ...permutation, axes }], untouched };
  const round = Uint32Array.from({ length: permutation.size }, (_, unit) => (unit + 1) % permutation.size);
  const permutations = new Map([[permutation.name, round]]);
  const before = outputs(weights);
  const after = outputs(permuteModel({ weights, layout, spec, permutations }));
  const largest = Math.max(...before.map(Math.abs));
  return Math.max(...after.map((value, i) => Math.abs(value - before[i]))) / largest;
}

/** The bias of keys adds the same to all scores of a query, and softmax forgets it. */
const isForgotten = ({ tensor, start = 0 }: PermutedAxis): boolean =>
  /key\.bias$/.test(tensor) || (/(c_attn|qkv)\.bias$/.test(tensor) && start >= 8 && start < 16);

describe('the symmetries of a network', () => {
  for (const network of NETWORKS) {
    it(`leave the outputs of ${network.name} alone`, () => {
      const { spec, prove } = caseOf(network);
      const proof = prove(spec);
      assert(proof.holds, JSON.stringify(proof));
      // Permuted sums are other sums, in float64.
      assert(proof.largestDifference > 0 && proof.largestDifference < 1e-12, `${proof.largestDifference}`);
      assert.deepEqual(proof.unmoved, []);
    });

    it(`do not leave the outputs of ${network.name} alone if any one place is left out`, () => {
      const each = caseOf(network);
      for (const permutation of each.spec.permutations) {
        for (const left of permutation.axes) {
          if (isForgotten(left)) continue;
          const change = changeWithout(each, permutation, left);
          assert(change > 1e-5, `without ${JSON.stringify(left)} the outputs change by ${change}`);
        }
      }
    });
  }

  const added = (spec: PermutationSpec, permutation: PermutationOfUnits): PermutationSpec => ({
    ...spec,
    permutations: [permutation, ...spec.permutations],
  });

  it('do not reach inside a rotary head', () => {
    const { spec, prove } = caseOf(transformers.LLAMA);
    const layer = 'model.layers.0.self_attn';
    const inside = (size: number, block: number): PermutationOfUnits => ({
      name: 'inside',
      size,
      axes: [
        { tensor: `${layer}.q_proj.weight`, axis: 0, repeats: 2, block },
        { tensor: `${layer}.k_proj.weight`, axis: 0, block },
      ],
    });
    const proof = prove(added(spec, inside(4, 1)));
    assert.equal(proof.code, 'MELDMESH_FUSION_SPEC');
    assert.deepEqual(proof.breaking, ['inside']);
    assert.equal(prove(added(spec, inside(2, 2))).holds, false);
  });

  it('do not take a query head out of its group', () => {
    const { spec, prove } = caseOf(transformers.LLAMA);
    const layer = 'model.layers.0.self_attn';
    const permutations = spec.permutations.filter(
      ({ name }) => !/^model\.layers\.0\.self_attn\.(heads|queries)/.test(name),
    );
    const heads: PermutationOfUnits = {
      name: 'heads',
      size: 4,
      axes: [
        { tensor: `${layer}.q_proj.weight`, axis: 0, block: 4 },
        { tensor: `${layer}.o_proj.weight`, axis: 1, block: 4 },
      ],
    };
    const wrong = { ...spec, permutations: [...permutations, heads] };
    checkSpec(wrong, caseOf(transformers.LLAMA).layout);
    assert.deepEqual(prove(wrong).breaking, ['heads']);
  });

  it('do not take a channel of a group norm out of its group', () => {
    const { spec, prove, layout } = caseOf(convolutional.GROUPS);
    const names = ['pointwise', 'pointwise.0', 'pointwise.1', 'pointwise.2'];
    const whole = spec.permutations.find(({ name }) => name === 'pointwise');
    assert(whole !== undefined);
    const channels: PermutationOfUnits = {
      name: 'channels',
      size: 6,
      axes: whole.axes.map(({ tensor, axis }) => ({ tensor, axis })),
    };
    const wrong = {
      ...spec,
      permutations: [...spec.permutations.filter(({ name }) => !names.includes(name)), channels],
    };
    checkSpec(wrong, layout);
    assert.deepEqual(prove(wrong).breaking, ['channels']);
  });
});

describe('tiny networks', () => {
  for (const { name, shapes, forward } of NETWORKS.filter((each) => Object.hasOwn(MEASURED, each.name))) {
    it(`${name} gives what PyTorch gives`, () => {
      const measured = MEASURED[name];
      assert.deepEqual(Object.entries(shapes), Object.entries(measured.shapes));
      const layout = layoutOfShapes(shapes);
      const outputs = forward(tensorsOf(layout, weightsOf(layout)));
      assert.equal(outputs.length, measured.outputs.length);
      for (const [i, value] of outputs.entries())
        assert(Math.abs(value - measured.outputs[i]) < 1e-10, `${value} is not ${measured.outputs[i]}`);
    });
  }
});
