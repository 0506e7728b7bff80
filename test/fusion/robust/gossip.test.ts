import assert from 'node:assert/strict';
import fc from 'fast-check';
import { exponential } from '../../../fusion/exponential.ts';
import { balance, selfCentredClipping } from '../../../fusion/robust/index.ts';
import { minus, norm } from './slow-rules.ts';
import { agreeing } from './update-sets.ts';

const [own, ...others] = agreeing({ count: 6, size: 30, seed: 'gossip' });
const neighbours = others.map((values, i) => ({ values, weight: (i + 1) / 20 }));
const apart = (values: Float32Array): number => norm(minus(Array.from(values), Array.from(own)));
const huge = { values: new Float32Array(30).fill(1e30), weight: 0.2 };

describe('self-centred clipping', () => {
  it('is the own model and the weighted differences, cut to the radius', () => {
    const radius = apart(others[2]) * 0.999;
    const { model, factors } = selfCentredClipping({ own, neighbours, clip: { radius } });
    const expected = Array.from(own, (value, k) =>
      neighbours.reduce((sum, { values, weight }) => {
        const cut = Math.min(1, radius / apart(values));
        return sum + weight * cut * (values[k] - own[k]);
      }, value),
    );
    for (const [k, value] of model.entries()) assert(Math.abs(value - expected[k]) < 1e-6);
    assert(factors.some((factor) => factor < 1) && factors.every((factor) => factor > 0));
  });

  it('with a wide radius is plain mixing', () => {
    const { model, factors } = selfCentredClipping({ own, neighbours, clip: { radius: 1e9 } });
    assert.deepEqual(factors, new Float64Array(5).fill(1));
    const mixed = own.map((value, k) =>
      neighbours.reduce((sum, { values, weight }) => sum + weight * (values[k] - own[k]), value),
    );
    for (const [k, value] of model.entries()) assert(Math.abs(value - mixed[k]) < 1e-6);
  });

  it('cuts the largest differences down to the next one, so that attackers move it as little as a neighbour', () => {
    const clip = { largest: 2 };
    const attacked = selfCentredClipping({ own, neighbours: [...neighbours.slice(1), huge], clip });
    const honest = Math.max(...neighbours.map(({ values }) => apart(values)));
    assert(attacked.radius <= honest);
    assert(apart(attacked.model) <= honest);
    assert.equal(attacked.factors.filter((factor) => factor < 1).length, 2);
  });

  it('stays where nobody, or nobody beside possible attackers, is there to compare with', () => {
    assert.deepEqual(selfCentredClipping({ own, neighbours: [], clip: { radius: 1 } }).model, own);
    assert.deepEqual(selfCentredClipping({ own, neighbours: [huge, huge], clip: { largest: 2 } }).model, own);
  });

  it('refuses models of another size, numbers that are not finite, and weights above 1', () => {
    const clip = { radius: 1 };
    const run = (more: { values: Float32Array; weight: number; name?: string }, from = own) =>
      selfCentredClipping({ own: from, neighbours: [more], clip });
    const refuses = (action: () => unknown, code: string, message: RegExp) =>
      assert.throws(action, { code: `MELDMESH_FUSION_${code}`, message });
    const values = Float32Array.of(1);
    refuses(
      () => run({ values, weight: 1, name: 'eve' }),
      'SHAPE',
      /^eve has 1 values, the own model has 30/,
    );
    const bad = own.map((value, k) => (k === 3 ? Number.NaN : value));
    refuses(() => run({ values: bad, weight: 1 }), 'NOT_FINITE', /^neighbour 0 has NaN/);
    refuses(() => run({ values: own, weight: 1 }, bad), 'NOT_FINITE', /own model has NaN/);
    refuses(() => run({ values: own, weight: 1.1 }), 'SPEC', /sum up to 1.1; at most 1/);
    refuses(() => run({ values: own, weight: 0 }), 'SPEC', /weighs 0/);
    refuses(() => selfCentredClipping({ own, neighbours, clip: { radius: -1 } }), 'SPEC', /radius/);
    refuses(() => selfCentredClipping({ own, neighbours, clip: { largest: 0.5 } }), 'SPEC', /whole number/);
  });
});

describe('BALANCE', () => {
  it('takes the mean with those who are near enough', () => {
    const distances = neighbours.map(({ values }) => apart(values));
    const middle = [...distances].sort((a, b) => a - b)[2];
    const gamma = (middle * 1.0001) / norm(Array.from(own));
    const result = balance({ own, neighbours, progress: 0, gamma, alpha: 0.25 });
    const accepted = [0, 1, 2, 3, 4].filter((j) => distances[j] <= middle);
    assert.deepEqual(result.accepted, accepted);
    const total = accepted.reduce((sum, j) => sum + neighbours[j].weight, 0);
    for (const [k, value] of result.model.entries()) {
      const mean =
        accepted.reduce((sum, j) => sum + neighbours[j].weight * neighbours[j].values[k], 0) / total;
      assert(Math.abs(value - (0.25 * own[k] + 0.75 * mean)) < 1e-6);
    }
  });

  it('listens to fewer as training goes on', () => {
    const heard = [0, 0.25, 0.5, 0.75, 1].map(
      (progress) => balance({ own, neighbours, progress, gamma: 1.2, kappa: 3 }).threshold,
    );
    for (const [i, threshold] of heard.entries()) {
      const expected = 1.2 * Math.exp((-3 * i) / 4) * norm(Array.from(own));
      assert(Math.abs(threshold - expected) < 1e-12 * expected);
    }
  });

  it('is not moved by whoever is far away, and stays alone if need be', () => {
    const without = balance({ own, neighbours, progress: 0, gamma: 2 });
    const attacked = balance({ own, neighbours: [...neighbours, huge], progress: 0, gamma: 2 });
    assert.deepEqual(attacked.model, without.model);
    assert.deepEqual(balance({ own, neighbours: [huge], progress: 0 }).model, own);
  });

  it('refuses options out of their range', () => {
    for (const wrong of [{ progress: 1.1 }, { alpha: -1 }, { gamma: Number.NaN }, { kappa: 1e9 }]) {
      const run = () => balance({ own, neighbours, progress: 0, ...wrong });
      assert.throws(run, { code: 'MELDMESH_FUSION_SPEC', message: /is from 0 to/ });
    }
  });
});

describe('the exact exponential', () => {
  it('is e^x to thirteen digits', () => {
    fc.assert(
      fc.property(fc.double({ min: -100, max: 100, noNaN: true }), (x) => {
        assert(Math.abs(exponential(x) / Math.exp(x) - 1) < 1e-13 * Math.max(1, Math.abs(x)));
      }),
      { seed: 5 },
    );
    assert.equal(exponential(0), 1);
    assert.equal(exponential(-1_000), 0);
  });
});
