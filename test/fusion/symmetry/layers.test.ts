import assert from 'node:assert/strict';
import { attentionUnits } from '../../../fusion/symmetry/attention.ts';
import { type Dialect, TFJS, TORCH } from '../../../fusion/symmetry/dialect.ts';
import {
  depthwise,
  groupedConvolution,
  unitsAlikeInGroups,
} from '../../../fusion/symmetry/grouped-convolution.ts';
import {
  dense,
  embedding,
  groupedUnits,
  groupNorm,
  norm,
  recurrent,
} from '../../../fusion/symmetry/layers.ts';
import { SpecDraft } from '../../../fusion/symmetry/spec-draft.ts';
import { FIXED, flattened, joined, repeated, widened } from '../../../fusion/symmetry/units.ts';
import { refuses, refusesSpec } from './support/refusal.ts';
import { layoutOfShapes, type Shapes } from './support/tiny-model.ts';

const draftOf = (shapes: Shapes, dialect: Dialect = TORCH): SpecDraft =>
  new SpecDraft(layoutOfShapes(shapes), dialect);
const refusesShape = (run: () => unknown, why: RegExp): void => refuses(run, 'MELDMESH_FUSION_SHAPE', why);

describe('a spec written layer by layer', () => {
  it('is a few lines for a network with a residual stream and a tied output', () => {
    const draft = draftOf({
      'table.weight': [9, 4],
      'norm.weight': [4],
      'up.weight': [6, 4],
      'up.bias': [6],
      'down.weight': [4, 6],
    });
    const stream = draft.units({ name: 'stream', size: 4 });
    embedding(draft, 'table.weight', stream);
    norm(draft, 'norm', stream);
    const hidden = dense(draft, 'up', { from: stream });
    dense(draft, 'down', { from: hidden, to: stream });
    assert.deepEqual(draft.spec(), {
      permutations: [
        {
          name: 'stream',
          size: 4,
          axes: [
            { tensor: 'table.weight', axis: 1 },
            { tensor: 'norm.weight', axis: 0 },
            { tensor: 'up.weight', axis: 1 },
            { tensor: 'down.weight', axis: 0 },
          ],
        },
        {
          name: 'up',
          size: 6,
          axes: [
            { tensor: 'up.weight', axis: 0 },
            { tensor: 'up.bias', axis: 0 },
            { tensor: 'down.weight', axis: 1 },
          ],
        },
      ],
      untouched: [],
    });
  });

  it('moves running statistics along, and marks them', () => {
    const draft = draftOf({
      'conv.weight': [3, 1, 2, 2],
      'bn.weight': [3],
      'bn.bias': [3],
      'bn.running_mean': [3],
      'bn.running_var': [3],
      'bn.num_batches_tracked': [],
    });
    norm(draft, 'bn', dense(draft, 'conv', { from: FIXED }));
    const { permutations, untouched } = draft.spec();
    const marked = permutations[0].axes.filter(({ isStatistic }) => isStatistic).map(({ tensor }) => tensor);
    assert.deepEqual(marked, ['bn.running_mean', 'bn.running_var']);
    assert.deepEqual(untouched, ['bn.num_batches_tracked']);
  });

  it('names what it leaves alone', () => {
    const draft = draftOf({ 'one.weight': [3, 4], 'one.bias': [3] });
    dense(draft, 'one', { from: FIXED, to: FIXED });
    assert.deepEqual(draft.spec(), { permutations: [], untouched: ['one.weight', 'one.bias'] });
  });

  it('is refused until every tensor has its layer', () => {
    const draft = draftOf({ 'one.weight': [3, 4], 'two.weight': [2, 3] });
    dense(draft, 'one', { from: FIXED });
    refusesSpec(() => draft.spec(), /no permutation moves tensor "two.weight"/);
  });

  it('says which tensor is missing or has the wrong shape', () => {
    const draft = draftOf({
      'one.weight': [3, 4],
      'one.bias': [2],
      'two.weight': [2, 5],
      'flat.weight': [3],
    });
    refusesShape(() => dense(draft, 'other', { from: FIXED }), /no tensor "other.weight"/);
    refusesShape(() => dense(draft, 'flat', { from: FIXED }), /"flat.weight" is no kernel/);
    refusesShape(
      () => dense(draft, 'one', { from: FIXED }),
      /"one.bias" has shape \[2\], but along axis 0 there should be 3/,
    );
    const three = draft.units({ name: 'three', size: 3 });
    refusesShape(() => dense(draft, 'two', { from: three, to: FIXED }), /"two.weight" has shape \[2, 5\]/);
    refusesShape(() => norm(draft, 'none', three), /no tensor "none.weight"/);
    refusesShape(() => draft.place('one.bias', { axis: 1, units: FIXED }), /too few axes/);
    refusesShape(() => draft.place('one.bias', { axis: -2, units: FIXED }), /too few axes/);
    refusesSpec(() => draft.units({ name: 'three', size: 2 }), /two permutations "three"/);
    const foreign = draftOf({}).units({ name: 'foreign', size: 3 });
    refusesSpec(() => embedding(draft, 'flat.weight', foreign), /no units "foreign"/);
  });

  it('reads the gates of recurrent layers off their shapes', () => {
    const draft = draftOf({ 'gru/kernel': [2, 9], 'gru/recurrent_kernel': [3, 9], 'gru/bias': [2, 9] }, TFJS);
    recurrent(draft, 'gru', { from: FIXED });
    const [{ axes }] = draft.spec().permutations;
    assert.deepEqual(
      axes.map(({ repeats }) => repeats ?? 1),
      [3, 1, 3, 3],
    );
    const torn = draftOf({ 'gru/kernel': [2, 8], 'gru/recurrent_kernel': [3, 8] }, TFJS);
    refusesShape(() => recurrent(torn, 'gru', { from: FIXED }), /"gru\/recurrent_kernel".*gates/);
  });
});

describe('units', () => {
  const units = { parts: [{ permutation: 'p', size: 3, start: 0, repeats: 1, block: 1 }], length: 3 };

  it('of a feature map made flat keep together by pixel or by channel', () => {
    assert.deepEqual(flattened(units, { pixels: 4, order: 'channels-last' }), {
      parts: [{ ...units.parts[0], repeats: 4 }],
      length: 12,
    });
    assert.deepEqual(flattened(units, { pixels: 4, order: 'channels-first' }), {
      parts: [{ ...units.parts[0], block: 4 }],
      length: 12,
    });
  });

  it('that are only a part of the axis are repeated with what is around them', () => {
    const both = joined([{ parts: [], length: 2 }, units]);
    assert.deepEqual(
      repeated(both, 2).parts.map(({ start }) => start),
      [2, 7],
    );
    assert.deepEqual(widened(both, 2), { parts: [{ ...units.parts[0], start: 4, block: 2 }], length: 10 });
  });

  it('of any length stay of any length', () => {
    for (const each of [
      flattened(FIXED, { pixels: 2, order: 'channels-last' }),
      widened(FIXED, 2),
      joined([units, FIXED]),
    ])
      assert.equal(each.length, undefined);
    assert.throws(() => joined([FIXED, units]), /only the last/);
  });
});

describe('layers in groups', () => {
  const shapes = { 'conv.weight': [6, 1, 1, 1], 'norm.weight': [6], 'next.weight': [4, 3, 1, 1] };

  it('refuse units that cross the groups of a group norm', () => {
    const draft = draftOf(shapes);
    const units = dense(draft, 'conv', { from: FIXED });
    refusesSpec(
      () => groupNorm(draft, 'norm', { units, groups: 3 }),
      /"conv" does not keep to the 3 groups of.*"norm".*groupedUnits/,
    );
    refusesSpec(() => groupNorm(draft, 'norm', { units, groups: 4 }), /4 groups/);
    groupNorm(draft, 'norm', { units, groups: 1 });
  });

  it('take whole groups, and whole multiples of groups', () => {
    const draft = draftOf(shapes);
    const units = groupedUnits(draft, 'conv', { size: 6, groups: 2 });
    groupNorm(draft, 'norm', { units, groups: 2 });
    const pairs = widened(draft.units({ name: 'pairs', size: 3 }), 2);
    groupNorm(draft, 'norm', { units: pairs, groups: 6 });
    refusesSpec(() => groupedUnits(draft, 'uneven', { size: 5, groups: 2 }), /5 units "uneven"/);
  });

  it('refuse units that move differently in the groups that a convolution reads', () => {
    const draft = draftOf(shapes);
    const plain = draft.units({ name: 'plain', size: 6 });
    const each = groupedUnits(draft, 'each', { size: 6, groups: 2 });
    for (const from of [plain, each])
      refusesSpec(
        () => groupedConvolution(draft, 'next', { from, groups: 2 }),
        /does not keep to the 2 groups.*unitsAlikeInGroups/,
      );
    const five = draft.units({ name: 'five', size: 5 });
    refusesShape(
      () => groupedConvolution(draft, 'next', { from: five, groups: 2 }),
      /2 groups of 3 channels, but 5/,
    );
    refusesSpec(() => groupedConvolution(draft, 'next', { from: plain, groups: 3 }), /"next".*equal groups/);
    refusesSpec(() => unitsAlikeInGroups(draft, 'uneven', { size: 5, groups: 2 }), /"uneven".*equal groups/);
  });

  it('are not so many that the file of a stranger fills the memory', () => {
    const draft = draftOf({ 'deep.weight': [400_000, 1, 1, 1], 'wide.weight': [400_000, 1, 1, 1] });
    const from = draft.units({ name: 'channels', size: 400_000 });
    depthwise(draft, 'deep', { from });
    const half = draft.units({ name: 'half', size: 200_000 });
    refusesSpec(() => depthwise(draft, 'wide', { from: half }), /"wide.65534" is one more than 65536/);
  });

  it('let the channels of a depthwise convolution pass through', () => {
    for (const [name, shape, dialect] of [
      ['deep.weight', [6, 1, 3, 3], TORCH],
      ['deep/depthwise_kernel', [3, 3, 6, 1], TFJS],
    ] as const) {
      const draft = draftOf({ [name]: shape }, dialect);
      const from = draft.units({ name: 'channels', size: 6 });
      assert.deepEqual(depthwise(draft, 'deep', { from }), from);
    }
  });
});

describe('the units of attention', () => {
  it('are heads within groups, and the values inside them, but with rotary positions not those of keys', () => {
    const names = (isRotary: boolean): string[] => {
      const draft = draftOf({
        'q.weight': [8, 1],
        'k.weight': [4, 1],
        'v.weight': [4, 1],
        'o.weight': [1, 8],
      });
      const shape = { heads: 4, keyHeads: 2, headSize: 2, isRotary };
      const { queries, keys, values, mixed } = attentionUnits(draft, 'a', shape);
      for (const [layer, to] of Object.entries({ q: queries, k: keys, v: values }))
        dense(draft, layer, { from: FIXED, to });
      dense(draft, 'o', { from: mixed, to: FIXED });
      return draft.spec().permutations.map(({ name }) => name);
    };
    const rotary = ['a.values.0', 'a.queries.0', 'a.values.1', 'a.queries.1', 'a.heads'];
    assert.deepEqual(names(true), rotary);
    assert.deepEqual(
      names(false).filter((name) => !rotary.includes(name)),
      ['a.keys.0', 'a.keys.1'],
    );
  });

  it('need whole groups of heads', () => {
    const draft = draftOf({});
    const wrong = [
      { heads: 3, keyHeads: 2, headSize: 4 },
      { heads: 0, headSize: 4 },
      { heads: 2, headSize: 1.5 },
    ];
    for (const shape of wrong)
      refusesSpec(() => attentionUnits(draft, 'a', shape), /attention "a" cannot have/);
  });
});
