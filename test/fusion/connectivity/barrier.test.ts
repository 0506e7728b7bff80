import assert from 'node:assert/strict';
import fc from 'fast-check';
import { barrierOf, lossBarrier } from '../../../fusion/connectivity/barrier.ts';
import { layersByName, layerWiseBarriers, withLayersOf } from '../../../fusion/connectivity/layer-wise.ts';
import { bowl, floats, moonFunctions, moonLayout, ring, trainedMoons, twoMoons } from './plain-models.ts';

const coded = (code: string, text: RegExp) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === code && text.test(error.message);

describe('the loss barrier', () => {
  it('of a double well is the height of its hill, at its top', () => {
    const { barrier, t, aboveMean, accuracyDrop } = lossBarrier({
      from: floats(-1, 0),
      to: floats(1, 0),
      evaluate: ring.evaluate,
    });
    assert.equal(barrier, 1);
    assert.equal(t, 0.5);
    assert.equal(aboveMean, 1);
    assert.equal(accuracyDrop, undefined);
  });

  it('is nothing in a bowl, whose line lies below its ends', () => {
    const { barrier, t } = lossBarrier({
      from: floats(1, 2, 3),
      to: floats(-4, 0, 1),
      evaluate: bowl(floats(0, 1, 0)).evaluate,
    });
    assert.equal(barrier, 0);
    assert.equal(t, 0);
  });

  it('is measured above the line between the ends, not above their mean', () => {
    const losses = [0, 3, 2];
    const found = barrierOf(losses.map((loss, i) => ({ t: i / 2, loss })));
    assert.equal(found.barrier, 2);
    assert.equal(found.aboveMean, 2);
    const tilted = barrierOf([0, 1.9, 4].map((loss, i) => ({ t: i / 2, loss })));
    assert.equal(tilted.barrier, 0);
    assert.equal(tilted.aboveMean, 2);
  });

  it('is that of the plain definition on any curve of points', () => {
    const curves = fc.array(fc.double({ min: -5, max: 5, noNaN: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(curves, (losses) => {
        const last = losses.length - 1;
        const heights = losses.map(
          (loss, i) => loss - (1 - i / last) * losses[0] - (i / last) * losses[last],
        );
        const found = barrierOf(losses.map((loss, i) => ({ t: i / last, loss })));
        assert.ok(Math.abs(found.barrier - Math.max(...heights)) < 1e-12);
        assert.ok(found.barrier >= 0);
      }),
      { seed: 5 },
    );
  });

  it('comes closer to the top with every refinement', () => {
    const end = Math.fround(1.3);
    const slope = (end * end - 1) ** 2 / (end + 1);
    const height = (x: number) => (x * x - 1) ** 2 - slope * (x + 1);
    const exact = Math.max(...Array.from({ length: 10_001 }, (_, i) => height(-0.1 + 0.00002 * i)));
    const errors = [0, 2, 8].map((refinements) => {
      const options = { from: floats(-1, 0), to: floats(1.3, 0), evaluate: ring.evaluate, points: 4 };
      return exact - lossBarrier({ ...options, refinements }).barrier;
    });
    assert.ok(errors[0] > errors[1] && errors[1] > errors[2], String(errors));
    assert.ok(errors[2] < 1e-3 && errors[2] > -1e-6, String(errors));
  });

  it('takes accuracy from the mean of the ends to the lowest place', () => {
    const evaluate = (w: Float32Array) => ({
      loss: 0,
      accuracy: 0.9 + 0.04 * w[0] - 0.5 * w[0] * (1 - w[0]),
    });
    const { accuracyDrop } = lossBarrier({ from: floats(0), to: floats(1), evaluate, points: 3 });
    assert.ok(Math.abs((accuracyDrop ?? 0) - 0.125) < 1e-6);
  });

  it('is that of the repaired models where a repair is given, at the ends too', () => {
    const seen: number[] = [];
    const repair = (w: Float32Array, t: number) => {
      seen.push(t);
      w[0] = Math.sign(w[0]) || 1;
      return w;
    };
    const from = floats(-1, 0);
    const options = { from, to: floats(1, 0), evaluate: ring.evaluate, points: 5 };
    assert.equal(lossBarrier({ ...options, repair }).barrier, 0);
    assert.deepEqual(seen, [0, 0.25, 0.5, 0.75, 1]);
    assert.deepEqual(from, floats(-1, 0));
  });

  it('refuses models that do not match, NaN and too few points', () => {
    const { evaluate } = ring;
    const good = { from: floats(0, 1), to: floats(1, 0), evaluate };
    assert.throws(
      () => lossBarrier({ ...good, to: floats(1) }),
      coded('MELDMESH_FUSION_SHAPE', /model 1 has 1 weights/),
    );
    assert.throws(
      () => lossBarrier({ ...good, to: floats(1, Number.NaN) }),
      coded('MELDMESH_FUSION_NOT_FINITE', /weight 1 of model 1/),
    );
    assert.throws(() => lossBarrier({ ...good, points: 1 }), coded('MELDMESH_FUSION_SPEC', /points is 1/));
    assert.throws(
      () => lossBarrier({ ...good, from: floats(), to: floats() }),
      coded('MELDMESH_FUSION_SHAPE', /no weights/),
    );
  });

  it('of a model with itself is nothing', () => {
    const same = floats(0.3, -0.2);
    assert.equal(lossBarrier({ from: same, to: same, evaluate: ring.evaluate }).barrier, 0);
  });
});

describe('barriers by layer', () => {
  const data = twoMoons({ count: 40, seed: 'layers' });
  const functions = moonFunctions(data);
  const [from, to] = ['a', 'b'].map((seed) => trainedMoons(functions.gradient, { seed, steps: 150 }));

  it('belong to the layers of the names, each alone and cumulated from both sides', () => {
    const found = layerWiseBarriers({
      from,
      to,
      layout: moonLayout,
      evaluate: functions.evaluate,
      points: 5,
    });
    const names = ['dense_0', 'dense_1', 'dense_2'];
    assert.deepEqual(
      layersByName(moonLayout).map(({ name }) => name),
      names,
    );
    assert.deepEqual(
      found.single.map(({ layers }) => layers),
      names.map((name) => [name]),
    );
    assert.deepEqual(found.fromFirst[1].layers, ['dense_0', 'dense_1']);
    assert.deepEqual(found.fromLast[1].layers, ['dense_1', 'dense_2']);
    const whole = lossBarrier({ from, to, evaluate: functions.evaluate, points: 5 });
    assert.deepEqual(found.fromFirst[2].barrier, whole);
    assert.deepEqual(found.fromLast[2].barrier, whole);
  });

  it('are those of models put together by hand', () => {
    const { single } = layerWiseBarriers({
      from,
      to,
      layout: moonLayout,
      evaluate: functions.evaluate,
      points: 5,
    });
    const [startLoss, endLoss] = [from, to].map((weights) => functions.evaluate(weights).loss);
    for (const [layer, { barrier }] of single.entries()) {
      const heights = [0, 0.25, 0.5, 0.75, 1].map((t) => {
        const mixed = from.slice();
        for (const tensor of moonLayout.tensors.slice(2 * layer, 2 * layer + 2)) {
          for (let i = tensor.offset; i < tensor.offset + tensor.size; i++) {
            mixed[i] = (1 - t) * from[i] + t * to[i];
          }
        }
        return functions.evaluate(mixed).loss - (1 - t) * startLoss - t * endLoss;
      });
      assert.ok(Math.abs(barrier.barrier - Math.max(...heights)) < 1e-9);
    }
  });

  it('leave every other weight where it was', () => {
    const [first] = layersByName(moonLayout);
    const mixed = withLayersOf([first], { from, to });
    const end = first.tensors[1].offset + first.tensors[1].size;
    assert.deepEqual(mixed.subarray(0, end), to.subarray(0, end));
    assert.deepEqual(mixed.subarray(end), from.subarray(end));
  });

  it('refuse a layer that the models do not have', () => {
    const options = { from: floats(1, 2), to: floats(2, 1), evaluate: ring.evaluate };
    assert.throws(
      () => layerWiseBarriers({ ...options, layout: moonLayout }),
      coded('MELDMESH_FUSION_SHAPE', /dense_0\/kernel/),
    );
  });
});
