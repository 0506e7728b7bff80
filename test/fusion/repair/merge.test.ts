import assert from 'node:assert/strict';
import fc from 'fast-check';
import { combine, interpolate } from '../../../fusion/connectivity/model-points.ts';
import { reestimateBatchNorm } from '../../../fusion/repair/batch-norm.ts';
import { repairActivations } from '../../../fusion/repair/repair.ts';
import { mergeModels } from '../../../fusion/repair/repaired-merge.ts';
import { correctVariance } from '../../../fusion/repair/variance-correction.ts';
import { close, columnMoments, floats, layoutOfShapes, plainNetwork } from './plain-networks.ts';

describe('batch-norm re-estimation', () => {
  const network = plainNetwork([4, 6, 5, 3], { norms: true });
  const { layout, activations, inside } = network;

  it('gives every norm the moments of its inputs behind norms that are right already', () => {
    const { weights, report } = reestimateBatchNorm({
      layout,
      weights: network.random('merged'),
      inputsOf: activations,
    });
    for (const name of ['n0', 'n1']) {
      const { means, spreads } = columnMoments(inside(weights).get(name) ?? []);
      const tensor = (kind: string) => {
        const { offset, size } =
          layout.tensors.find((each) => each.name === `${name}/${kind}`) ?? layout.tensors[0];
        return weights.subarray(offset, offset + size);
      };
      close(tensor('moving_mean'), means, 1e-5);
      close(
        tensor('moving_variance'),
        spreads.map((spread) => spread ** 2),
        1e-5,
      );
    }
    assert.equal(report.summary, 'batch-norm statistics of 2 of 2 layers measured again');
    const again = reestimateBatchNorm({ layout, weights, inputsOf: activations });
    close(again.weights, weights, 1e-6);
  });

  it('says that a model without batch norm has none', () => {
    const plain = plainNetwork([2, 2, 2], { norms: false });
    const weights = plain.random('x');
    const { report, weights: kept } = reestimateBatchNorm({
      layout: plain.layout,
      weights,
      inputsOf: plain.activations,
    });
    assert.match(report.summary, /no batch norm/);
    assert.deepEqual(kept, weights);
  });
});

describe('variance correction', () => {
  const layout = layoutOfShapes([
    ['k', [3, 4]],
    ['b', [4]],
  ]);

  it('gives every kernel the mean variance of its parents about its own mean, and leaves biases', () => {
    const vector = fc.array(fc.integer({ min: -40, max: 40 }), { minLength: 16, maxLength: 16 });
    const variance = (values: ArrayLike<number>) =>
      columnMoments(Array.from(values, (v) => [v])).spreads[0] ** 2;
    const mean = (values: ArrayLike<number>) => columnMoments(Array.from(values, (v) => [v])).means[0];
    fc.assert(
      fc.property(vector, vector, fc.integer({ min: 1, max: 9 }), (a, b, tenths) => {
        const ends = [a, b].map((values) => Float32Array.from(values));
        const share = tenths / 10;
        const merged = interpolate({ from: ends[0], to: ends[1], t: share });
        const { weights, report } = correctVariance({ layout, ends, shares: [1 - share, share], merged });
        const [kernel, before] = [weights, merged].map((each) => each.subarray(0, 12));
        const goal =
          (1 - share) * variance(ends[0].subarray(0, 12)) + share * variance(ends[1].subarray(0, 12));
        if (report.layers[0].isRepaired) {
          close([variance(kernel) / goal], [1], 1e-3);
          close([mean(kernel)], [mean(before)], 1e-3);
        } else {
          assert.deepEqual(weights, merged);
        }
        assert.deepEqual(weights.subarray(12), merged.subarray(12));
      }),
      { seed: 31 },
    );
  });

  it('of parents that agree changes nothing', () => {
    const network = plainNetwork([4, 6, 3], { norms: false });
    const weights = network.random('same');
    const { weights: kept } = correctVariance({
      layout: network.layout,
      ends: [weights, weights],
      merged: weights,
    });
    close(kept, weights, 1e-6);
  });

  it('lets be what is constant', () => {
    const same = new Float32Array(16).fill(0.25);
    const { weights, report } = correctVariance({ layout, ends: [same, same], merged: same });
    assert.deepEqual(weights, same);
    assert.deepEqual(report.layers, [{ name: 'k', isRepaired: false, note: 'its entries are all equal' }]);
  });
});

describe('a merge', () => {
  const normed = plainNetwork([4, 6, 3], { norms: true });
  const plain = plainNetwork([4, 6, 3], { norms: false });
  const pair = (network: typeof plain) => ({
    layout: network.layout,
    models: [network.random('a'), network.random('b')],
  });

  it('of models with batch norm measures it again where there is data', () => {
    const { report, weights } = mergeModels({ ...pair(normed), activations: normed.activations });
    assert.equal(report.method, 'batch-norm');
    const { layout, models } = pair(normed);
    const average = interpolate({ from: models[0], to: models[1], t: 0.5 });
    assert.deepEqual(
      weights,
      reestimateBatchNorm({ layout, weights: average, inputsOf: normed.activations }).weights,
    );
  });

  it('says of every norm that it did not where there is none', () => {
    const { report } = mergeModels(pair(normed));
    assert.equal(report.method, 'none');
    assert.match(report.summary, /no statistics were repaired: there is no data/);
    assert.deepEqual(
      report.layers.map(({ name, isRepaired }) => [name, isRepaired]),
      [['n0', false]],
    );
    assert.match(
      mergeModels({ ...pair(normed), method: 'none' }).report.layers[0].note ?? '',
      /nobody asked/,
    );
  });

  it('of models without normalisation is their weighted mean, and REPAIR on request', () => {
    const { layout, models } = pair(plain);
    const merge = mergeModels({ layout, models, shares: [1, 3] });
    assert.deepEqual(merge.weights, combine({ points: models, coefficients: [0.25, 0.75] }));
    assert.match(merge.report.summary, /no batch norm/);
    const repaired = mergeModels({
      layout,
      models,
      shares: [1, 3],
      method: 'repair',
      activations: plain.activations,
    });
    const direct = repairActivations({
      layout,
      ends: models,
      shares: [1, 3],
      merged: merge.weights,
      preActivations: plain.activations,
    });
    assert.deepEqual(repaired, direct);
    assert.equal(mergeModels({ layout, models, method: 'variance' }).report.method, 'variance');
  });

  it('refuses no models and models of another layout', () => {
    const { layout } = plain;
    assert.throws(() => mergeModels({ layout, models: [] }), { code: 'MELDMESH_FUSION_TOO_FEW' });
    assert.throws(() => mergeModels({ layout, models: [floats(1)] }), { code: 'MELDMESH_FUSION_SHAPE' });
  });
});
