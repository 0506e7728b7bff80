import assert from 'node:assert/strict';
import fc from 'fast-check';
import { autoNeb } from '../../../fusion/connectivity/auto-neb.ts';
import { trainBezier } from '../../../fusion/connectivity/bezier.ts';
import { createDescent } from '../../../fusion/connectivity/descent.ts';
import { relaxBand, spread } from '../../../fusion/connectivity/elastic-band.ts';
import { interpolate } from '../../../fusion/connectivity/model-points.ts';
import { bezierPath, chainPath, linePath } from '../../../fusion/connectivity/path.ts';
import { profilePath } from '../../../fusion/connectivity/path-profile.ts';
import { trainPolygonalChain } from '../../../fusion/connectivity/polygonal-chain.ts';
import { trainPoints } from '../../../fusion/connectivity/trained-points.ts';
import { createRandom } from '../../../fusion/index.ts';
import { bowl, floats, moonFunctions, ring, trainedMoons, twoMoons } from './plain-models.ts';

const near = (actual: ArrayLike<number>, expected: ArrayLike<number>, error: number) => {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i] - expected[i]) <= error, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
};

const points = fc.integer({ min: 1, max: 6 }).chain((size) =>
  fc.array(fc.float32Array({ minLength: size, maxLength: size, min: -9, max: 9, noNaN: true }), {
    minLength: 2,
    maxLength: 6,
  }),
);
const share = fc.double({ min: 0, max: 1, noNaN: true });

describe('paths of models', () => {
  it('begin and end at their ends, bit for bit', () => {
    fc.assert(
      fc.property(points, (all) => {
        const line = { from: all[0], to: all[all.length - 1] };
        for (const path of [linePath(line), chainPath(all), bezierPath(all)]) {
          // −0 and 0 are one weight.
          near(path.at(0), line.from, 0);
          near(path.at(1), line.to, 0);
        }
      }),
      { seed: 1 },
    );
  });

  it('of Bezier are what repeated halving by de Casteljau gives', () => {
    fc.assert(
      fc.property(points, share, (all, t) => {
        let level = all.map((point) => Array.from(point));
        while (level.length > 1) {
          level = level
            .slice(1)
            .map((point, k) => point.map((value, i) => (1 - t) * level[k][i] + t * value));
        }
        near(bezierPath(all).at(t), level[0], 1e-5);
      }),
      { seed: 2 },
    );
  });

  it('of straight pieces are the line between the two points beside t', () => {
    fc.assert(
      fc.property(points, share, (all, t) => {
        const pieces = all.length - 1;
        const k = Math.min(pieces - 1, Math.floor(t * pieces));
        near(chainPath(all).at(t), interpolate({ from: all[k], to: all[k + 1], t: t * pieces - k }), 0);
      }),
      { seed: 3 },
    );
  });

  it('are profiled with lengths and with means over the length', () => {
    // A right angle, twice as long behind the corner; the loss is the distance walked.
    const path = chainPath([floats(0, 0), floats(1, 0), floats(1, 2)]);
    const profile = profilePath(path, { evaluate: (w) => ({ loss: w[0] + w[1] }), points: 5 });
    assert.equal(profile.length, 3);
    assert.equal(profile.worst.loss, 3);
    assert.equal(profile.start.loss, 0);
    assert.equal(profile.meanLoss, (0 + 0.5 + 1 + 2 + 3) / 5);
    assert.equal(profile.meanLossByLength, 1.5);
  });

  it('without a length have the mean of the ends', () => {
    const path = linePath({ from: floats(2), to: floats(2) });
    assert.equal(profilePath(path, { evaluate: (w) => ({ loss: w[0] }), points: 3 }).meanLossByLength, 2);
  });
});

describe('descent', () => {
  it('with momentum and by Adam follows the published equations', () => {
    const gradients = [
      [1, -2],
      [0.5, 3],
      [-4, 0],
    ];
    const sgd = floats(1, 1);
    const adam = floats(1, 1);
    const rules = [createDescent({ kind: 'sgd', momentum: 0.8 }, 2), createDescent({ kind: 'adam' }, 2)];
    const expected = [sgd, adam].map((weights) => Array.from(weights));
    const [velocity, first, second] = [
      [0, 0],
      [0, 0],
      [0, 0],
    ];
    for (const [step, gradient] of gradients.entries()) {
      rules[0].step(sgd, Float64Array.from(gradient), 0.1);
      rules[1].step(adam, Float64Array.from(gradient), 0.1);
      for (const [i, g] of gradient.entries()) {
        velocity[i] = 0.8 * velocity[i] + g;
        expected[0][i] -= 0.1 * velocity[i];
        first[i] = 0.9 * first[i] + 0.1 * g;
        second[i] = 0.999 * second[i] + 0.001 * g * g;
        const mean = first[i] / (1 - 0.9 ** (step + 1));
        const square = second[i] / (1 - 0.999 ** (step + 1));
        expected[1][i] -= (0.1 * mean) / (Math.sqrt(square) + 1e-8);
      }
    }
    near(sgd, expected[0], 1e-6);
    near(adam, expected[1], 1e-6);
  });

  it('refuses numbers that no descent can use', () => {
    assert.throws(() => createDescent({ kind: 'sgd', momentum: -1 }, 2), { code: 'MELDMESH_FUSION_SPEC' });
    assert.throws(() => createDescent({ kind: 'adam', beta2: 2 }, 2), { code: 'MELDMESH_FUSION_SPEC' });
  });
});

const across = { from: floats(-1, 0, 0), to: floats(1, 0.0, 0) };

describe('trained curves', () => {
  const start = { from: floats(-1, 0.1, 0), to: floats(1, 0.1, 0) };
  const training = { gradient: ring.gradient, steps: 800, rate: 0.05 };

  for (const [name, train, worstMax] of [
    ['a Bezier curve', trainBezier, 0.2],
    ['a polygonal chain', trainPolygonalChain, 0.35],
  ] as const) {
    it(`${name} goes round the hill that the straight line crosses`, () => {
      const curve = train({ ...start, ...training, random: createRandom('around') });
      const straight = profilePath(linePath(start), { evaluate: ring.evaluate });
      const bent = profilePath(curve.path, { evaluate: ring.evaluate });
      assert.ok(straight.worst.loss > 0.95);
      assert.ok(bent.worst.loss < worstMax, String(bent.worst.loss));
      assert.equal(curve.points[0], start.from);
      assert.equal(curve.points[2], start.to);
      assert.ok(curve.losses[799] < curve.losses[0]);
    });
  }

  it('do what a slow loop over the chain rule does', () => {
    const random = createRandom('slow');
    const [from, to] = [floats(-1, 0.5), floats(1, 0.3)];
    const theta = [0, 0.4];
    const velocity = [0, 0];
    for (let step = 0; step < 20; step++) {
      const t = random.float();
      const at = theta.map((value, i) => (1 - t) ** 2 * from[i] + 2 * t * (1 - t) * value + t ** 2 * to[i]);
      const { gradient } = ring.gradient(Float32Array.from(at), step);
      const rate =
        step / 20 <= 0.5 ? 0.1 : step / 20 >= 0.9 ? 0.001 : 0.1 * (1 - (0.99 / 0.4) * (step / 20 - 0.5));
      for (const i of [0, 1]) {
        velocity[i] = 0.9 * velocity[i] + 2 * t * (1 - t) * (gradient[i] + 0.01 * at[i]);
        theta[i] -= rate * velocity[i];
      }
    }
    const options = { from, to, gradient: ring.gradient, steps: 20, rate: 0.1, weightDecay: 0.01 };
    const { points: trained } = trainBezier({ ...options, random: createRandom('slow') });
    near(trained[1], theta, 1e-5);
  });

  it('are the same for one seed and differ for another', () => {
    const run = (seed: string) =>
      trainBezier({ ...start, ...training, steps: 30, bends: 2, random: createRandom(seed) }).points;
    assert.deepEqual(run('a'), run('a'));
    assert.notDeepEqual(run('a'), run('b'));
  });

  it('lower the worst loss between two networks on the moons', () => {
    const functions = moonFunctions(twoMoons({ count: 40, seed: 'curve' }));
    const [from, to] = ['one', 'two'].map((seed) => trainedMoons(functions.gradient, { seed, steps: 250 }));
    const { path } = trainBezier({
      from,
      to,
      gradient: functions.gradient,
      steps: 500,
      rate: 0.05,
      rule: { kind: 'adam' },
      random: createRandom('moons'),
    });
    const options = { evaluate: functions.evaluate, points: 21 };
    const [straight, bent] = [linePath({ from, to }), path].map((each) => profilePath(each, options));
    assert.ok(straight.worst.loss > 3 * straight.start.loss, String(straight.worst.loss));
    assert.ok(bent.worst.loss < 0.5 * straight.worst.loss, `${bent.worst.loss} of ${straight.worst.loss}`);
  });

  it('stop with the step at which the loss leaves the numbers', () => {
    const gradient = (w: Float32Array, step: number) => ({
      loss: step < 3 ? 1 : Number.NaN,
      gradient: new Float32Array(w.length),
    });
    assert.throws(() => trainBezier({ ...start, ...training, gradient, random: createRandom('x') }), {
      code: 'MELDMESH_FUSION_NOT_FINITE',
      message: /NaN at step 3/,
    });
  });

  it('of points without an end is plain training', () => {
    const { points: found } = trainPoints(
      { points: [floats(5, -3)], isTrained: () => true, draw: (c) => c.fill(1) },
      { ...training, ...bowl(floats(1, 2)), rate: 0.1, random: createRandom('one') },
    );
    near(found[0], [1, 2], 1e-3);
  });
});

describe('the elastic band', () => {
  it('is spread along itself by its shares', () => {
    const pivots = [floats(0, 0), floats(3, 0), floats(3, 0.5), floats(3, 1)];
    spread({ pivots, shares: [1 / 3, 1 / 3, 1 / 3] });
    near(pivots[1], [4 / 3, 0], 1e-6);
    near(pivots[2], [8 / 3, 0], 1e-6);
    near(pivots[3], [3, 1], 0);
    const uneven = [floats(0, 0), floats(3, 0), floats(3, 0.5), floats(3, 1)];
    spread({ pivots: uneven, shares: [0.125, 0.75, 0.125] });
    near(uneven[1], [0.5, 0], 1e-6);
    near(uneven[2], [3, 0.5], 1e-6);
  });

  it('moves across itself only', () => {
    // Down is to the right and up: of that only the part across a band along x counts.
    const gradient = () => ({ loss: 1, gradient: floats(-1, -1) });
    const pivots = [floats(0, 0), floats(1, 0), floats(2, 0)];
    const band = { pivots, shares: [0.5, 0.5] };
    relaxBand(band, { gradient, rule: { kind: 'sgd', momentum: 0 }, rate: 0.25, steps: 1, firstStep: 0 });
    near(pivots[1], [1, 0.25], 1e-6);
  });

  it('relaxes into the valley round the hill and reports the saddle of every cycle', () => {
    const from = floats(-1, 0.01, 0);
    const to = floats(1, 0.01, 0);
    const {
      path,
      cycles,
      saddleLoss,
      points: pivots,
    } = autoNeb({
      from,
      to,
      ...ring,
      cycles: [
        { steps: 200, rate: 0.02 },
        { steps: 100, rate: 0.01 },
        { steps: 100, rate: 0.005 },
      ],
    });
    assert.ok(saddleLoss < 0.05, String(saddleLoss));
    assert.equal(profilePath(path, { evaluate: ring.evaluate, points: 201 }).worst.loss < 0.06, true);
    assert.equal(cycles.length, 3);
    assert.equal(cycles[0].pivots, 5);
    assert.ok(cycles[1].pivots <= cycles[0].pivots + 2 && cycles[2].pivots <= cycles[1].pivots + 2);
    assert.equal(saddleLoss, Math.min(...cycles.map((cycle) => cycle.saddleLoss)));
    assert.deepEqual(pivots[0], from);
    assert.deepEqual(pivots[pivots.length - 1], to);
  });

  it('gets a pivot where the loss between two sticks out most, and keeps it there', () => {
    // A narrow ridge across the line, on ground that has no slope.
    const lossOf = (x: number) => 1 / (1 + 400 * (x - 0.3) ** 2);
    const { cycles } = autoNeb({
      from: floats(0, 0),
      to: floats(1, 0),
      evaluate: (w) => ({ loss: lossOf(w[0]) }),
      gradient: (w) => ({ loss: lossOf(w[0]), gradient: new Float32Array(2) }),
      pivots: 1,
      placesBetween: 4,
      newPivotsMax: 1,
      cycles: [
        { steps: 2, rate: 0.1 },
        { steps: 2, rate: 0.1 },
      ],
    });
    assert.deepEqual(
      cycles.map(({ pivots }) => pivots),
      [3, 4],
    );
    // Places at tenths, the ridge among them: the new pivot is put on it, and stays there when the band is spread.
    assert.ok(Math.abs(cycles[1].saddleLoss - 1) < 1e-6);
  });

  it('keeps the straight line where nothing is lower', () => {
    const { saddleLoss, points: kept } = autoNeb({
      ...across,
      ...bowl(floats(0, 0, 0)),
      cycles: [{ steps: 5, rate: 0.1 }],
    });
    assert.equal(saddleLoss, 0.5);
    assert.equal(kept.length, 2);
  });
});

describe('the small network of these tests', () => {
  it('has the gradient that differences give', () => {
    const data = twoMoons({ count: 12, seed: 'differences' });
    const { evaluate, gradient } = moonFunctions(data);
    const weights = trainedMoons(gradient, { seed: 'g', steps: 3 });
    const found = gradient(weights, 0).gradient;
    for (let i = 0; i < weights.length; i += 7) {
      const [up, down] = [1, -1].map((sign) => {
        const moved = weights.slice();
        moved[i] += sign * 2 ** -8;
        return { loss: evaluate(moved).loss, at: moved[i] };
      });
      assert.ok(Math.abs((up.loss - down.loss) / (up.at - down.at) - found[i]) < 1e-4);
    }
  });
});
