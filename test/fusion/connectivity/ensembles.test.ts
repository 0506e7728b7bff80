import assert from 'node:assert/strict';
import { fastGeometricEnsemble } from '../../../fusion/connectivity/fast-geometric-ensembling.ts';
import {
  cosineOfHalfTurn,
  cosineRate,
  decayingRate,
  triangularRate,
} from '../../../fusion/connectivity/learning-rate.ts';
import { snapshotEnsemble } from '../../../fusion/connectivity/snapshot-ensembling.ts';
import { averagePredictions } from '../../../fusion/connectivity/trajectory.ts';
import { bowl, close, floats } from './plain-models.ts';

describe('learning rates', () => {
  it('have the cosine of the library up to its last bits', () => {
    for (let i = 0; i <= 1000; i++) close(cosineOfHalfTurn(i / 1000), Math.cos((Math.PI * i) / 1000), 1e-15);
  });

  it('fall and rise as published', () => {
    const triangle = triangularRate({ high: 1, low: 0.1, cycleSteps: 4 });
    for (const [i, rate] of [0.55, 0.1, 0.55, 1, 0.55].entries()) close(triangle(i), rate, 1e-12);
    const cosine = cosineRate({ rate: 0.2, cycleSteps: 4 });
    for (const [i, rate] of [0.2, 0.1 + 0.1 * Math.SQRT1_2, 0.1, 0.1 - 0.1 * Math.SQRT1_2, 0.2].entries()) {
      close(cosine(i), rate, 1e-12);
    }
    const decaying = decayingRate(0.5, 100);
    for (const [step, rate] of [
      [0, 0.5],
      [50, 0.5],
      [70, 0.2525],
      [90, 0.005],
      [99, 0.005],
    ]) {
      close(decaying(step), rate, 1e-12);
    }
  });
});

describe('ensembles from one trajectory', () => {
  const start = floats(3, -2);
  const { gradient } = bowl(floats(0, 0));

  it('are what a loop with the same rates passes at the lowest of them', () => {
    const options = { start, gradient, cycles: 3, cycleSteps: 6, high: 0.3, low: 0.01 };
    const members = fastGeometricEnsemble({ ...options, rule: { kind: 'sgd', momentum: 0 } });
    const rate = triangularRate({ high: 0.3, low: 0.01, cycleSteps: 6 });
    const at = Array.from(start);
    const expected: number[][] = [];
    for (let step = 0; step < 15; step++) {
      for (const i of [0, 1]) at[i] -= rate(step) * at[i];
      if (step % 6 === 2) expected.push([...at]);
    }
    assert.deepEqual(
      members.map(({ steps }) => steps),
      [3, 9, 15],
    );
    close(rate(2), 0.01, 1e-12);
    for (const [k, { weights }] of members.entries()) {
      for (const i of [0, 1]) close(weights[i], expected[k][i], 1e-6);
    }
    assert.deepEqual(start, floats(3, -2));
  });

  it('of snapshots are taken at the end of every cosine', () => {
    const members = snapshotEnsemble({ start, gradient, cycles: 2, cycleSteps: 10, rate: 0.2 });
    assert.deepEqual(
      members.map(({ steps }) => steps),
      [10, 20],
    );
    const norm = (w: Float32Array) => Math.hypot(...w);
    assert.ok(norm(members[1].weights) < norm(members[0].weights));
  });

  it('predict the mean of what the members predict', () => {
    const mean = averagePredictions([floats(1, 0), floats(0, 4)], (w) => [w[0], w[1], 1]);
    assert.deepEqual(Array.from(mean), [0.5, 2, 1]);
    assert.throws(() => averagePredictions([], (w) => w), { code: 'MELDMESH_FUSION_TOO_FEW' });
    assert.throws(() => averagePredictions([floats(1), floats(1, 2)], (w) => w), {
      code: 'MELDMESH_FUSION_SHAPE',
    });
  });

  it('refuse an odd cycle and NaN', () => {
    const options = { start, gradient, cycles: 1, high: 0.1, low: 0.01 };
    assert.throws(() => fastGeometricEnsemble({ ...options, cycleSteps: 5 }), {
      code: 'MELDMESH_FUSION_SPEC',
      message: /cycleSteps/,
    });
    assert.throws(() => snapshotEnsemble({ ...options, start: floats(Number.NaN), cycleSteps: 2, rate: 1 }), {
      code: 'MELDMESH_FUSION_NOT_FINITE',
    });
  });
});
