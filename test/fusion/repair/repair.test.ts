import assert from 'node:assert/strict';
import fc from 'fast-check';
import { combine, interpolate } from '../../../fusion/connectivity/model-points.ts';
import { affineLayersOf, batchNormsOf, scaleUnits } from '../../../fusion/repair/model-parts.ts';
import {
  applyRepairGoals,
  interpolateGoals,
  repairActivations,
  repairGoals,
} from '../../../fusion/repair/repair.ts';
import { unitMoments } from '../../../fusion/repair/unit-moments.ts';
import { close, columnMoments, floats, layoutOfShapes, plainNetwork } from './plain-networks.ts';

describe('moments of units', () => {
  it('are those of two passes over all rows, however these are cut into batches', () => {
    const cases = fc.record({
      units: fc.integer({ min: 1, max: 5 }),
      rows: fc.integer({ min: 1, max: 30 }),
      batch: fc.integer({ min: 1, max: 9 }),
      offset: fc.constantFrom(0, 1000),
      values: fc.array(fc.integer({ min: -100, max: 100 }), { minLength: 150, maxLength: 150 }),
    });
    fc.assert(
      fc.property(cases, ({ units, rows, batch, offset, values }) => {
        const all = Float32Array.from(values.slice(0, units * rows), (value) => offset + value / 8);
        const batches: Float32Array[] = [];
        for (let start = 0; start < rows; start += batch) {
          batches.push(all.subarray(start * units, Math.min(rows, start + batch) * units));
        }
        const moments = unitMoments(batches, { name: 'layer', units });
        const table = Array.from({ length: rows }, (_, i) =>
          Array.from(all.subarray(i * units, (i + 1) * units)),
        );
        const { means, spreads } = columnMoments(table);
        close(moments.mean, means, 1e-9);
        close(moments.variance.map(Math.sqrt), spreads, 1e-6);
        assert.equal(moments.rows, rows);
      }),
      { seed: 21 },
    );
  });

  it('refuse no rows, half a row and NaN', () => {
    const place = { name: 'd1', units: 2 };
    assert.throws(() => unitMoments([], place), { code: 'MELDMESH_FUSION_TOO_FEW', message: /d1/ });
    assert.throws(() => unitMoments([floats(1, 2, 3)], place), { code: 'MELDMESH_FUSION_SHAPE' });
    assert.throws(() => unitMoments([floats(1, Number.NaN)], place), { code: 'MELDMESH_FUSION_NOT_FINITE' });
  });
});

describe('the parts of a model', () => {
  it('are found by the names of TensorFlow.js and of PyTorch', () => {
    const layout = layoutOfShapes([
      ['conv/kernel', [3, 3, 2, 4]],
      ['conv/bias', [4]],
      ['bn/moving_mean', [4]],
      ['bn/moving_variance', [4]],
      ['fc.weight', [5, 4]],
      ['norm.weight', [5]],
      ['norm.running_mean', [5]],
      ['norm.running_var', [5]],
      ['norm.num_batches_tracked', [1]],
    ]);
    assert.deepEqual(affineLayersOf(layout), [
      { name: 'conv', kernel: 'conv/kernel', bias: 'conv/bias', unitAxis: 3 },
      { name: 'fc', kernel: 'fc.weight', unitAxis: 0 },
    ]);
    assert.deepEqual(batchNormsOf(layout), [
      { name: 'bn', mean: 'bn/moving_mean', variance: 'bn/moving_variance' },
      { name: 'norm', mean: 'norm.running_mean', variance: 'norm.running_var' },
    ]);
  });

  it('are scaled along any axis', () => {
    const layout = layoutOfShapes([['k', [2, 3, 2]]]);
    for (const axis of [0, 1, 2]) {
      const weights = new Float32Array(12).fill(1);
      const factors = Float64Array.from({ length: [2, 3, 2][axis] }, (_, unit) => unit + 2);
      scaleUnits(weights, { tensor: layout.tensors[0], axis }, factors);
      for (let i = 0; i < 12; i++) {
        const place = [Math.floor(i / 6), Math.floor(i / 2) % 3, i % 2];
        assert.equal(weights[i], place[axis] + 2);
      }
    }
  });
});

describe('REPAIR', () => {
  const network = plainNetwork([4, 6, 5, 3], { norms: false });
  const { layout, activations: preActivations, inside } = network;
  const ends = [network.random('a'), network.random('b')];
  const shares = [0.3, 0.7];
  const merged = combine({ points: ends, coefficients: shares });

  it('brings mean and spread of every pre-activation to those between the ends', () => {
    const { weights, report } = repairActivations({ layout, ends, shares, merged, preActivations });
    for (const name of ['d0', 'd1']) {
      const [first, second] = ends.map((end) => columnMoments(inside(end).get(name) ?? []));
      const { means, spreads } = columnMoments(inside(weights).get(name) ?? []);
      const between = (a: number[], b: number[]) => a.map((value, i) => 0.3 * value + 0.7 * b[i]);
      close(means, between(first.means, second.means), 1e-5);
      close(spreads, between(first.spreads, second.spreads), 1e-5);
    }
    assert.equal(report.method, 'repair');
    assert.deepEqual(
      report.layers.map(({ name, isRepaired }) => [name, isRepaired]),
      [
        ['d0', true],
        ['d1', true],
      ],
    );
    const last = layout.tensors[4];
    assert.deepEqual(weights.subarray(last.offset), merged.subarray(last.offset));
  });

  it('of a model that was merged from itself changes nothing', () => {
    const same = [ends[0], ends[0]];
    const { weights } = repairActivations({ layout, ends: same, merged: ends[0], preActivations });
    close(weights, ends[0], 1e-5);
  });

  it('is exact: the new pre-activation is the old one, moved and stretched', () => {
    const goals = repairGoals({ layout, ends, shares, preActivations });
    const { weights } = applyRepairGoals({ layout, merged, preActivations, goals: goals.slice(0, 1) });
    const [before, after] = [merged, weights].map((each) => inside(each).get('d0') ?? []);
    const { means, spreads } = columnMoments(before);
    for (const [i, row] of after.entries()) {
      const expected = before[i].map(
        (value, unit) =>
          ((value - means[unit]) * goals[0].spread[unit]) / spreads[unit] + goals[0].mean[unit],
      );
      close(row, expected, 1e-5);
    }
  });

  it('is exact for a convolution too, whose pixels are rows and whose channels are units', () => {
    const image = Array.from({ length: 6 }, (_, y) =>
      Array.from({ length: 6 }, (__, x) => Math.sin(3 * y + x * x)),
    );
    const layers = [{ name: 'c', kernel: 'c.weight', bias: 'c.bias', unitAxis: 0 }];
    const shapes = layoutOfShapes([
      ['c.weight', [2, 1, 3, 3]],
      ['c.bias', [2]],
    ]);
    // Valid convolution of one image, [16 pixels][2 channels].
    const rowsOf = (weights: Float32Array) =>
      Array.from({ length: 16 }, (_, pixel) =>
        [0, 1].map((channel) => {
          let sum = weights[18 + channel];
          for (let k = 0; k < 9; k++) {
            const [y, x] = [Math.floor(pixel / 4) + Math.floor(k / 3), (pixel % 4) + (k % 3)];
            sum += image[y][x] * weights[9 * channel + k];
          }
          return sum;
        }),
      );
    const models = [0.4, 1.3].map((scale) =>
      Float32Array.from({ length: 20 }, (_, i) => scale * Math.cos(scale * i)),
    );
    const average = interpolate({ from: models[0], to: models[1], t: 0.5 });
    const { weights } = repairActivations({
      layout: shapes,
      ends: models,
      merged: average,
      preActivations: (model) => [Float32Array.from(rowsOf(model).flat())],
      layers,
    });
    const [first, second] = models.map((model) => columnMoments(rowsOf(model)));
    const { means, spreads } = columnMoments(rowsOf(weights));
    close(
      means,
      first.means.map((mean, unit) => (mean + second.means[unit]) / 2),
      1e-5,
    );
    close(
      spreads,
      first.spreads.map((spread, unit) => (spread + second.spreads[unit]) / 2),
      1e-5,
    );
  });

  it('has the same goals from the ends alone, for every place between them', () => {
    const [from, to] = ends.map((end) => repairGoals({ layout, ends: [end], preActivations }));
    const direct = repairGoals({ layout, ends, shares, preActivations });
    for (const [i, goal] of interpolateGoals({ from, to, t: 0.7 }).entries()) {
      close(goal.mean, direct[i].mean, 1e-12);
      close(goal.spread, direct[i].spread, 1e-12);
    }
  });

  it('moves a unit that does not vary but does not blow it up, and says so', () => {
    const [kernel] = layout.tensors;
    const dead = merged.slice();
    for (let i = 2; i < kernel.size; i += 6) dead[kernel.offset + i] = 0;
    const { weights, report } = repairActivations({ layout, ends, shares, merged: dead, preActivations });
    assert.match(report.layers[0].note ?? '', /1 units that do not vary/);
    assert.ok(weights.every(Number.isFinite));
    const goal = repairGoals({ layout, ends, shares, preActivations })[0];
    close([columnMoments(inside(weights).get('d0') ?? []).means[2]], [goal.mean[2]], 1e-5);
  });

  it('says which layer it left alone for want of a bias', () => {
    const layers = [{ name: 'd0', kernel: 'd0/kernel', unitAxis: 1 }];
    const { weights, report } = repairActivations({ layout, ends, merged, preActivations, layers });
    assert.deepEqual(weights, merged);
    assert.deepEqual(report.layers, [
      { name: 'd0', isRepaired: false, note: 'it has no bias to move its mean' },
    ]);
    assert.match(report.summary, /0 of 1 layers/);
  });

  it('refuses tensors that are not there, axes that do not fit, and shares that make no sense', () => {
    const options = { layout, ends, merged, preActivations };
    const layer = { name: 'x', kernel: 'x/kernel', bias: 'd0/bias', unitAxis: 1 };
    assert.throws(() => repairActivations({ ...options, layers: [layer] }), {
      code: 'MELDMESH_FUSION_SHAPE',
      message: /no tensor x\/kernel/,
    });
    assert.throws(
      () => repairActivations({ ...options, layers: [{ ...layer, kernel: 'd0/kernel', unitAxis: 0 }] }),
      {
        code: 'MELDMESH_FUSION_SHAPE',
        message: /axis 0/,
      },
    );
    assert.throws(() => repairActivations({ ...options, shares: [1, -1] }), { code: 'MELDMESH_FUSION_SPEC' });
    assert.throws(() => repairActivations({ ...options, ends: [] }), { code: 'MELDMESH_FUSION_TOO_FEW' });
    const poisoned = merged.slice();
    poisoned[layout.tensors[1].offset] = Number.NaN;
    assert.throws(() => repairActivations({ ...options, merged: poisoned }), {
      code: 'MELDMESH_FUSION_NOT_FINITE',
      message: /d0\/bias/,
    });
  });
});
