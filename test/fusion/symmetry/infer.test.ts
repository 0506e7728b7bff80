import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import { layoutOf } from '../../../fusion/model-spec.ts';
import { checkSpec } from '../../../fusion/symmetry/check.ts';
import { permutationSpecOf } from '../../../fusion/symmetry/dense-model.ts';
import type { InferenceOptions } from '../../../fusion/symmetry/families/family.ts';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import type { DenseSpec } from '../../../fusion/types.ts';
import * as convolutional from './support/convolutional.ts';
import { refuses, refusesSpec } from './support/refusal.ts';
import { layoutOfShapes, type Shapes } from './support/tiny-model.ts';
import * as transformers from './support/transformers.ts';

const infer = (shapes: Shapes, options?: InferenceOptions) => inferSpec(layoutOfShapes(shapes), options);
const namesOf = (shapes: Shapes, options?: InferenceOptions): string[] =>
  infer(shapes, options).spec.permutations.map(({ name }) => name);
const without = (shapes: Shapes, ...names: readonly string[]): Shapes =>
  Object.fromEntries(Object.entries(shapes).filter(([name]) => !names.includes(name)));
const refusesShape = (run: () => unknown, why: RegExp): void => refuses(run, 'MELDMESH_FUSION_SHAPE', why);

describe('inferring the symmetries of a plain stack', () => {
  it('finds for our own models what their specification says', () => {
    const units = fc.array(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(units, fc.integer({ min: 2, max: 9 }), (sizes, inputs) => {
        const layers = sizes.map((size) => ({ units: size, activation: 'relu' as const }));
        const model: DenseSpec = { kind: 'dense', inputs, layers, loss: 'softmax-cross-entropy' };
        assert.deepEqual(inferSpec(layoutOf(model), { layout: 'tfjs' }).spec, permutationSpecOf(model));
      }),
      { seed: 8, numRuns: 50 },
    );
  });

  it('tells both layouts by the chain of shapes', () => {
    const torch = { '0.weight': [7, 5], '2.weight': [6, 7], '4.weight': [3, 6] };
    const tfjs = { 'a/kernel': [5, 7], 'a_1/kernel': [7, 6], 'a_2/kernel': [6, 3] };
    const axisOf = (shapes: Shapes): number => infer(shapes).spec.permutations[0].axes[0].axis;
    assert.equal(axisOf(torch), 0);
    assert.equal(axisOf(tfjs), 1);
  });

  it('asks for the layout where both fit', () => {
    const square = { 'fc1.weight': [4, 4], 'fc2.weight': [4, 4] };
    refusesSpec(() => infer(square), /"fc1.weight", "fc2.weight" fit the layouts of PyTorch and.*--layout/);
    assert.deepEqual(infer(square, { layout: 'torch' }).spec.permutations[0].axes, [
      { tensor: 'fc1.weight', axis: 0 },
      { tensor: 'fc2.weight', axis: 1 },
    ]);
    assert.deepEqual(infer(square, { layout: 'tfjs' }).spec.permutations[0].axes, [
      { tensor: 'fc1.weight', axis: 1 },
      { tensor: 'fc2.weight', axis: 0 },
    ]);
    // Nothing moves in a single layer, whichever way it stands.
    assert.deepEqual(infer({ 'fc.weight': [4, 4] }).spec, { permutations: [], untouched: ['fc.weight'] });
  });

  it('lets a bias tell the outputs', () => {
    const shapes = { 'in.weight': [4, 3], 'in.bias': [4], 'out.weight': [2, 4], 'out.bias': [2] };
    // Backwards and transposed, every chain is one again.
    assert.deepEqual(namesOf(shapes), ['in']);
    const biases = ['in.bias', 'out.bias'];
    refusesSpec(() => infer(without(shapes, ...biases)), /--layout/);
  });

  it('takes layers by their numbers, not by the order of the file', () => {
    const numbers = [0, 2, 4, 6, 8, 10, 12];
    const shapes = Object.fromEntries(
      numbers.map((n) => [`net.${n}.weight`, [n === 12 ? 3 : 4, n === 0 ? 5 : 4]] as const).sort(),
    );
    assert.notDeepEqual(Object.keys(shapes)[1], 'net.2.weight', 'a sorted file has 10 before 2');
    assert.deepEqual(namesOf(shapes), ['net.0', 'net.2', 'net.4', 'net.6', 'net.8', 'net.10']);
  });

  it('finds the order of differently named layers by their shapes', () => {
    assert.deepEqual(
      namesOf({
        'classifier.0.weight': [8, 24],
        'classifier.2.weight': [3, 8],
        'features.0.weight': [6, 2, 3, 3],
      }),
      ['features.0', 'classifier.0'],
    );
    assert.deepEqual(
      namesOf(
        { 'output.weight': [3, 5], 'hidden.weight': [5, 7], 'input.weight': [7, 9] },
        { layout: 'torch' },
      ),
      ['input', 'hidden'],
    );
  });

  it('refuses layers whose order the shapes leave open', () => {
    const shapes = { 'first.weight': [4, 9], 'p.weight': [4, 4], 'q.weight': [4, 4], 'last.weight': [3, 4] };
    refusesSpec(() => infer(shapes, { layout: 'torch' }), /"first.weight", "p.weight".*allow several orders/);
    const many = Object.fromEntries(
      Array.from({ length: 40 }, (_, i) => [`${'x'.repeat(i + 1)}.weight`, [4, 4]]),
    );
    refusesSpec(() => infer(many), /--layout|several orders/);
  });

  it('moves the pixels of a flattened map with their channel', () => {
    const placeOf = (shapes: Shapes, tensor: string) =>
      infer(shapes)
        .spec.permutations.flatMap(({ axes }) => axes)
        .find((axis) => axis.tensor === tensor);
    const { CNN_TORCH, CNN_TFJS } = convolutional;
    assert.deepEqual(placeOf(CNN_TORCH.shapes, 'fc1.weight'), { tensor: 'fc1.weight', axis: 1, block: 4 });
    assert.deepEqual(placeOf(CNN_TFJS.shapes, 'dense/kernel'), {
      tensor: 'dense/kernel',
      axis: 0,
      repeats: 4,
    });
  });

  it('gives a norm to the layer before it, or to the one of its number or size', () => {
    const stats = (layer: string, size: number): Shapes =>
      Object.fromEntries(
        ['weight', 'bias', 'running_mean', 'running_var'].map((end) => [`${layer}.${end}`, [size]]),
      );
    const sequence = {
      '0.weight': [4, 2, 3, 3],
      ...stats('1', 4),
      '3.weight': [4, 4, 3, 3],
      ...stats('4', 4),
      '6.weight': [3, 4],
    };
    const movedWith = (shapes: Shapes, tensor: string): string | undefined =>
      infer(shapes).spec.permutations.find(({ axes }) => axes.some((axis) => axis.tensor === tensor))?.name;
    assert.equal(movedWith(sequence, '1.weight'), '0');
    assert.equal(movedWith(sequence, '4.running_var'), '3');
    const named = { 'conv1.weight': [4, 2, 3, 3], 'conv2.weight': [4, 4, 3, 3], 'fc.weight': [3, 4] };
    assert.equal(movedWith({ ...named, ...stats('bn2', 4) }, 'bn2.bias'), 'conv2');
    refusesSpec(
      () => infer({ ...named, ...stats('bn', 4) }),
      /not clear which layer the norm "bn" of 4 values/,
    );
    refusesSpec(() => infer({ ...named, ...stats('bn', 5) }), /norm "bn" of 5/);
    refusesSpec(
      () => infer({ ...named, 'bn2.weight': [4] }),
      /"bn2" has no running statistics: a group norm/,
    );
    assert.equal(
      movedWith({ 'fc1.weight': [4, 5], 'norm1.weight': [4], 'fc2.weight': [3, 4] }, 'norm1.weight'),
      'fc1',
    );
  });

  it('takes groups where there is no chain without', () => {
    const shapes = { 'conv1.weight': [6, 2, 3, 3], 'conv2.weight': [4, 3, 3, 3], 'fc.weight': [3, 4] };
    const { spec } = infer(shapes, { layout: 'torch' });
    refusesSpec(() => infer(shapes), /--layout/);
    assert.deepEqual(
      spec.permutations.map(({ name }) => name),
      ['conv1.inside', 'conv2.0', 'conv2.1', 'conv1'],
    );
    // The outputs of a grouped convolution would move.
    refusesSpec(
      () => infer({ 'conv1.weight': [6, 2, 3, 3], 'conv2.weight': [4, 3, 3, 3] }, { layout: 'torch' }),
      /no chain/,
    );
  });

  it('lets channels pass through a depthwise convolution', () => {
    const torch = {
      '0.weight': [4, 2, 3, 3],
      '1.weight': [4, 1, 3, 3],
      '2.weight': [5, 4, 1, 1],
      '4.weight': [3, 5],
    };
    assert.deepEqual(namesOf(torch), ['0', '2']);
    const { shapes } = convolutional.DEPTHWISE_TFJS;
    assert.deepEqual(namesOf(shapes), ['depthwise_conv2d', 'conv2d', 'conv2d_1']);
  });

  it('refuses what is not a plain stack, naming the tensors', () => {
    const stack = { 'fc1.weight': [4, 5], 'fc2.weight': [3, 4] };
    refusesSpec(
      () => infer({ ...stack, 'shortcut.weight': [3, 5] }),
      /plain stack, .*tensor "shortcut.weight" is not/,
    );
    refusesSpec(() => infer({ ...stack, scale: [1] }), /tensor "scale" is not/);
    refusesSpec(
      () => infer({ ...stack, 'fc3/kernel': [3, 3] }),
      /tensor "fc1.weight", "fc2.weight" follows other names/,
    );
    refusesSpec(
      () => infer({ ...stack, 'fc3.running_mean': [3] }),
      /"fc3.running_mean" is of no known layer/,
    );
    refusesSpec(
      () => infer({ 'a.weight': [4, 5], 'b.weight': [6, 7] }),
      /"a.weight", "b.weight" make no chain.*give a permutation spec as a file/,
    );
    refusesSpec(() => infer({}), /no chain/);
  });
});

describe('inferring the symmetries of a known family', () => {
  const { GPT2, LLAMA, BERT, VIT, TIMM_VIT } = transformers;

  it('knows the families by their names', () => {
    const families = [GPT2, LLAMA, BERT, VIT, TIMM_VIT, convolutional.RESNET, convolutional.MLP].map(
      ({ shapes }) => infer(shapes, { heads: 2 }).family,
    );
    assert.deepEqual(families, ['GPT-2', 'Llama', 'BERT', 'ViT', 'timm ViT', 'ResNet', 'plain stack']);
  });

  it('keeps what stands before the names', () => {
    const under = (prefix: string, { shapes }: { readonly shapes: Shapes }): Shapes =>
      Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [prefix + name, shape]));
    assert.equal(
      infer({ ...under('transformer.', GPT2), 'lm_head.weight': [11, 8] }, { heads: 2 }).family,
      'GPT-2',
    );
    assert.equal(infer(under('module.', convolutional.RESNET)).family, 'ResNet');
  });

  it('asks for the number of heads, which shapes do not tell', () => {
    for (const { shapes } of [GPT2, LLAMA, BERT, VIT, TIMM_VIT])
      refusesSpec(() => infer(shapes), /does not tell how many heads.*--heads/);
    refusesSpec(
      () => infer(GPT2.shapes, { heads: 3 }),
      /8 queries of "h.0.attn.c_attn.weight" cannot be 3 heads/,
    );
    refusesSpec(
      () => infer(LLAMA.shapes, { heads: 1 }),
      /"model.layers.0.self_attn.k_proj.weight" does not hold whole heads of 16/,
    );
  });

  it('reads the heads of Llama off the frequencies of its positions', () => {
    const old = { ...LLAMA.shapes, 'model.layers.0.self_attn.rotary_emb.inv_freq': [2] };
    refusesSpec(() => infer(old), /"model.layers.1.self_attn.q_proj.weight" does not tell/);
    const shared = { ...LLAMA.shapes, 'model.rotary_emb.inv_freq': [2] };
    const { spec } = infer(shared);
    assert.deepEqual(spec.untouched, ['model.rotary_emb.inv_freq']);
    assert.deepEqual(spec.permutations, infer(LLAMA.shapes, { heads: 4 }).spec.permutations);
  });

  it('takes Llama with a tied output layer, and with biases as Qwen2 has them', () => {
    const tied = without(LLAMA.shapes, 'lm_head.weight');
    assert.deepEqual(namesOf(tied, { heads: 4 }), namesOf(LLAMA.shapes, { heads: 4 }));
    const at = 'model.layers.0.self_attn';
    const biased = { ...LLAMA.shapes, [`${at}.q_proj.bias`]: [16], [`${at}.v_proj.bias`]: [8] };
    const moving = infer(biased, { heads: 4 }).spec.permutations.filter(({ axes }) =>
      axes.some(({ tensor }) => tensor === `${at}.v_proj.bias`),
    );
    assert.deepEqual(
      moving.map(({ name }) => name),
      [`${at}.values.0`, `${at}.values.1`, `${at}.heads`],
    );
  });

  it('leaves masks and positions of older checkpoints alone', () => {
    const gpt2 = { ...GPT2.shapes, 'h.0.attn.bias': [1, 1, 6, 6], 'h.1.attn.masked_bias': [] };
    assert.deepEqual(infer(gpt2, { heads: 2 }).spec.untouched, ['h.0.attn.bias', 'h.1.attn.masked_bias']);
    const bert = { ...BERT.shapes, 'bert.embeddings.position_ids': [1, 6] };
    assert(infer(bert, { heads: 2 }).spec.untouched.includes('bert.embeddings.position_ids'));
  });

  it('reads the older names of the norms of BERT', () => {
    const old = Object.fromEntries(
      Object.entries(BERT.shapes).map(([name, shape]) => [
        name.replace(/LayerNorm\.weight$/, 'LayerNorm.gamma').replace(/LayerNorm\.bias$/, 'LayerNorm.beta'),
        shape,
      ]),
    );
    assert.deepEqual(namesOf(old, { heads: 2 }), namesOf(BERT.shapes, { heads: 2 }));
  });

  it('keeps the stream in its place where it is what the model puts out', () => {
    const heads = [
      'cls.predictions.bias',
      'cls.predictions.transform.dense.weight',
      'cls.predictions.transform.dense.bias',
      'cls.predictions.transform.LayerNorm.weight',
      'cls.predictions.transform.LayerNorm.bias',
      'cls.seq_relationship.weight',
      'cls.seq_relationship.bias',
    ];
    const bare = without(BERT.shapes, ...heads);
    assert(!namesOf(bare, { heads: 2 }).some((name) => name === 'stream' || name.includes('pooler')));
    assert(namesOf(BERT.shapes, { heads: 2 }).includes('bert.pooler.dense'));
    const headless = without(VIT.shapes, 'classifier.weight', 'classifier.bias');
    assert(!namesOf(headless, { heads: 2 }).includes('stream'));
  });

  it('lets a classifier of BERT read before or after the pooler', () => {
    const bare = without(BERT.shapes, ...Object.keys(BERT.shapes).filter((name) => name.startsWith('cls.')));
    const shapes = { ...bare, 'classifier.weight': [2, 8], 'classifier.bias': [2] };
    const stream = infer(shapes, { heads: 2 }).spec.permutations.find(({ name }) => name === 'stream');
    const axes = stream?.axes.filter(({ tensor }) => /pooler|classifier/.test(tensor));
    assert.deepEqual(axes, [
      { tensor: 'bert.pooler.dense.weight', axis: 1 },
      { tensor: 'bert.pooler.dense.weight', axis: 0 },
      { tensor: 'bert.pooler.dense.bias', axis: 0 },
      { tensor: 'classifier.weight', axis: 1 },
    ]);
  });

  it('names tensors that are missing or not part of the family', () => {
    refusesShape(
      () => infer(without(GPT2.shapes, 'h.1.ln_2.weight', 'h.1.ln_2.bias'), { heads: 2 }),
      /GPT-2.*no tensor "h.1.ln_2.weight"/,
    );
    refusesShape(
      () => infer(without(convolutional.RESNET.shapes, 'fc.weight', 'fc.bias')),
      /no tensor "fc.weight"/,
    );
    refusesSpec(
      () => infer({ ...LLAMA.shapes, 'model.layers.0.self_attn.q_norm.weight': [4] }, { heads: 4 }),
      /"model.layers.0.self_attn.q_norm.weight"/,
    );
    const padded = { ...without(convolutional.RESNET.shapes, 'layer2.0.downsample.0.weight') };
    refusesShape(
      () => infer(padded),
      /"layer2.0.conv2.weight" has shape \[6, 6, 3, 3\], but along axis 0 there should be 4/,
    );
  });
});

describe('inferring the symmetries of a file from a stranger', () => {
  const networks = [...Object.values(transformers), ...Object.values(convolutional)];
  const length = fc.constantFrom(0, 1, 2, 3, 4, 8, 16, 24, 10_000);
  const change = fc.record({ at: fc.nat(200), shape: fc.option(fc.array(length, { maxLength: 5 })) });

  it('gives a spec that fits or an error that is ours, whatever the shapes', () => {
    const cases = fc.tuple(
      fc.constantFrom(...networks),
      fc.array(change, { minLength: 1, maxLength: 3 }),
      fc.nat(4),
    );
    let accepted = 0;
    fc.assert(
      fc.property(cases, ([{ shapes }, changes, heads]) => {
        const entries = new Map(Object.entries(shapes));
        for (const { at, shape } of changes) {
          const name = Object.keys(shapes)[at % Object.keys(shapes).length];
          if (shape === null) entries.delete(name);
          else entries.set(name, shape);
        }
        const layout = layoutOfShapes(Object.fromEntries(entries));
        try {
          checkSpec(inferSpec(layout, { heads }).spec, layout);
          accepted++;
        } catch (error) {
          assert(error instanceof FusionError, String(error));
        }
      }),
      { seed: 9, numRuns: 600 },
    );
    assert(accepted > 0, 'some changes leave a model of the family');
  });
});
