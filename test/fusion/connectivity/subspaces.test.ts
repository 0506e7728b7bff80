import assert from 'node:assert/strict';
import fc from 'fast-check';
import { trainSubspace } from '../../../fusion/connectivity/learned-subspace.ts';
import { combine } from '../../../fusion/connectivity/model-points.ts';
import { trainSimplexVertex } from '../../../fusion/connectivity/simplex.ts';
import { affineHull, drawBarycentric, simplexVolume } from '../../../fusion/connectivity/simplex-geometry.ts';
import { createRandom } from '../../../fusion/index.ts';
import { close, floats, moonFunctions, ring, trainedMoons, twoMoons } from './plain-models.ts';

/** By elimination with pivots. */
function determinant(matrix: readonly (readonly number[])[]): number {
  const rows = matrix.map((row) => [...row]);
  let product = 1;
  for (let k = 0; k < rows.length; k++) {
    const pivot = rows
      .slice(k)
      .reduce((best, row, i) => (Math.abs(row[k]) > Math.abs(rows[best][k]) ? k + i : best), k);
    if (pivot !== k) {
      [rows[k], rows[pivot]] = [rows[pivot], rows[k]];
      product = -product;
    }
    product *= rows[k][k];
    if (product === 0) return 0;
    for (let i = k + 1; i < rows.length; i++) {
      const factor = rows[i][k] / rows[k][k];
      for (let j = k; j < rows.length; j++) rows[i][j] -= factor * rows[k][j];
    }
  }
  return product;
}

/** V² = (−1)^(n+1) det(C) / (2ⁿ (n!)²), C of the squared distances bordered by ones (Cayley and Menger). */
function cayleyMengerVolume(points: readonly Float32Array[]): number {
  const n = points.length - 1;
  const square = (a: Float32Array, b: Float32Array) =>
    a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
  const matrix = [
    [0, ...points.map(() => 1)],
    ...points.map((a) => [1, ...points.map((b) => square(Float32Array.from(a), b))]),
  ];
  let factorial = 1;
  for (let k = 2; k <= n; k++) factorial *= k;
  const sign = n % 2 === 0 ? -1 : 1;
  return Math.sqrt(Math.max(0, (sign * determinant(matrix)) / (2 ** n * factorial ** 2)));
}

const simplexes = fc
  .record({ size: fc.integer({ min: 1, max: 7 }), count: fc.integer({ min: 1, max: 5 }) })
  .chain(({ size, count }) =>
    fc.array(
      fc
        .array(fc.integer({ min: -20, max: 20 }), { minLength: size, maxLength: size })
        .map((values) => Float32Array.from(values)),
      { minLength: count, maxLength: count },
    ),
  );

describe('simplexes of models', () => {
  it('have the volume of the Cayley–Menger determinant', () => {
    fc.assert(
      fc.property(simplexes, (points) => {
        const expected = points.length === 1 ? 1 : cayleyMengerVolume(points);
        close(simplexVolume(points), expected, 1e-3 + 1e-5 * expected);
      }),
      { seed: 4, numRuns: 200 },
    );
    close(simplexVolume([floats(0, 0, 0), floats(2, 0, 0), floats(0, 3, 0), floats(1, 1, 4)]), 4, 1e-6);
  });

  it('know how far a model is from their hull', () => {
    const hull = affineHull([floats(0, 0, 1), floats(1, 1, 1), floats(2, 2, 1), floats(1, 0, 1)]);
    const height = new Float64Array(3);
    close(hull.heightOf(floats(7, -3, 6), height), 5, 1e-6);
    close(height[2], 5, 1e-6);
  });

  it('are drawn from uniformly: coordinates have mean 1 / n and the variance of the flat Dirichlet law', () => {
    const random = createRandom('flat');
    const coordinates = new Float64Array(3);
    const [sums, squares] = [new Float64Array(3), new Float64Array(3)];
    const draws = 20_000;
    for (let i = 0; i < draws; i++) {
      drawBarycentric(coordinates, random);
      close(coordinates[0] + coordinates[1] + coordinates[2], 1, 1e-12);
      for (let k = 0; k < 3; k++) {
        sums[k] += coordinates[k] / draws;
        squares[k] += coordinates[k] ** 2 / draws;
      }
    }
    for (let k = 0; k < 3; k++) {
      close(sums[k], 1 / 3, 0.01);
      close(squares[k] - sums[k] ** 2, 1 / 18, 0.003);
    }
  });

  it('grow a vertex in the direction that costs nothing, and only with the volume term', () => {
    // The bowl is narrow in x and y; z is free.
    const evaluate = (w: Float32Array) => ({ loss: (w[0] ** 2 + w[1] ** 2) / 2 });
    const gradient = (w: Float32Array) => ({ ...evaluate(w), gradient: floats(w[0], w[1], 0) });
    const options = {
      simplexes: [[floats(0.1, 0, 0), floats(0, 0.1, 0)]],
      start: floats(0.05, 0.05, 0.01),
      gradient,
      steps: 400,
      rate: 0.05,
    };
    const grown = trainSimplexVertex({ ...options, volumeWeight: 0.05, random: createRandom('grow') });
    const flat = trainSimplexVertex({ ...options, volumeWeight: 0, random: createRandom('grow') });
    assert.ok(grown.vertex[2] > 1, String(grown.vertex));
    assert.ok(grown.volumes[0] > 20 * flat.volumes[0]);
    assert.ok(evaluate(grown.vertex).loss < 0.05);
    close(flat.vertex[2], 0.01, 1e-6);
  });

  it('push a vertex by the gradient of the log of their volume', () => {
    const fixed = [floats(0, 0, 0, 0), floats(1, 0, 2, 0), floats(0, 3, 0, 1)];
    const start = floats(2, -1, 1, 3);
    const still = (w: Float32Array) => ({ loss: 0, gradient: new Float32Array(w.length) });
    const { vertex } = trainSimplexVertex({
      simplexes: [fixed],
      start,
      gradient: still,
      steps: 1,
      rate: () => 1,
      rule: { kind: 'sgd', momentum: 0 },
      volumeWeight: 1,
      random: createRandom('push'),
    });
    for (let i = 0; i < 4; i++) {
      const [up, down] = [0.01, -0.01].map((step) => {
        const moved = start.slice();
        moved[i] += step;
        return Math.log(cayleyMengerVolume([...fixed, moved]));
      });
      // The floor under the height takes a ten-thousandth.
      close(vertex[i] - start[i], (up - down) / 0.02, 2e-3);
    }
  });

  it('share a vertex that connects two models round the hill', () => {
    const simplices = [[floats(-1, 0)], [floats(1, 0)]];
    const { vertex } = trainSimplexVertex({
      simplexes: simplices,
      start: floats(0, 0.2),
      gradient: ring.gradient,
      steps: 600,
      rate: 0.05,
      random: createRandom('share'),
    });
    for (const [end] of simplices) {
      const halfway = combine({ points: [end, vertex], coefficients: [0.5, 0.5] });
      assert.ok(ring.evaluate(halfway).loss < 0.3, String(vertex));
    }
  });

  it('refuse to be empty or of several sizes', () => {
    const options = { gradient: ring.gradient, steps: 1, rate: 0.1, random: createRandom('x') };
    assert.throws(() => trainSimplexVertex({ ...options, simplexes: [] }), {
      code: 'MELDMESH_FUSION_TOO_FEW',
    });
    assert.throws(() => trainSimplexVertex({ ...options, simplexes: [[floats(1, 2)], []] }), {
      code: 'MELDMESH_FUSION_TOO_FEW',
    });
    assert.throws(
      () => trainSimplexVertex({ ...options, simplexes: [[floats(1, 2)]], start: floats(1, 2, 3) }),
      { code: 'MELDMESH_FUSION_SHAPE' },
    );
  });
});

describe('learned subspaces', () => {
  it('have all of a line at a low loss, with a midpoint as good as the ends', () => {
    const { evaluate, gradient } = moonFunctions(twoMoons({ count: 40, seed: 'line' }));
    const starts = ['one', 'two'].map((seed) => trainedMoons(gradient, { seed, steps: 0 }));
    const { points, midpoint, losses } = trainSubspace({
      starts,
      gradient,
      steps: 600,
      rate: 0.02,
      rule: { kind: 'adam' },
      random: createRandom('line'),
    });
    const middle = evaluate(midpoint).loss;
    assert.ok(middle < 0.1, String(middle));
    for (const point of points) assert.ok(evaluate(point).loss < 0.3);
    assert.ok(losses[599] < 0.3 * losses[0]);
    assert.deepEqual(midpoint, combine({ points, coefficients: [0.5, 0.5] }));
  });

  it('keep their points apart by the gradient of the squared cosine', () => {
    const starts = [floats(1, 0.5, 0), floats(0.5, 2, 1)];
    const still = (w: Float32Array) => ({ loss: 0, gradient: new Float32Array(w.length) });
    const { points } = trainSubspace({
      starts,
      gradient: still,
      steps: 1,
      rate: () => 1,
      rule: { kind: 'sgd', momentum: 0 },
      diversityWeight: 0.7,
      random: createRandom('apart'),
    });
    const squaredCosine = (a: ArrayLike<number>, b: ArrayLike<number>) => {
      const dot = (x: ArrayLike<number>, y: ArrayLike<number>) =>
        Array.from(x).reduce((sum, value, i) => sum + value * y[i], 0);
      return dot(a, b) ** 2 / (dot(a, a) * dot(b, b));
    };
    for (const k of [0, 1]) {
      for (let i = 0; i < 3; i++) {
        const [up, down] = [1e-4, -1e-4].map((step) => {
          const moved = Array.from(starts[k]);
          moved[i] += step;
          return squaredCosine(moved, starts[1 - k]);
        });
        close(points[k][i] - starts[k][i], (-0.7 * (up - down)) / 2e-4, 1e-5);
      }
    }
  });

  it('may be a curve, whose midpoint is its middle', () => {
    const starts = [floats(-1, 0.1), floats(0, 0.5), floats(1, 0.1)];
    const options = { starts, form: 'curve' as const, gradient: ring.gradient, steps: 300, rate: 0.02 };
    const { points, midpoint } = trainSubspace({
      ...options,
      diversityWeight: 0,
      random: createRandom('curve'),
    });
    assert.deepEqual(midpoint, combine({ points, coefficients: [0.25, 0.5, 0.25] }));
    assert.ok(ring.evaluate(midpoint).loss < 0.05);
  });

  it('refuse one point alone and points without a direction', () => {
    const options = { gradient: ring.gradient, steps: 1, rate: 0.1, random: createRandom('x') };
    assert.throws(() => trainSubspace({ ...options, starts: [floats(1, 0)] }), {
      code: 'MELDMESH_FUSION_TOO_FEW',
    });
    assert.throws(() => trainSubspace({ ...options, starts: [floats(1, 0), floats(0, 0)] }), {
      code: 'MELDMESH_FUSION_DEGENERATE',
      message: /point 1/,
    });
  });
});
