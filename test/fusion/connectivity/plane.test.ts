import assert from 'node:assert/strict';
import fc from 'fast-check';
import { combine } from '../../../fusion/connectivity/model-points.ts';
import { createPlane, evaluatePlane } from '../../../fusion/connectivity/plane.ts';
import { simplexVolume } from '../../../fusion/connectivity/simplex-geometry.ts';
import { close, floats } from './plain-models.ts';

describe('the plane through three models', () => {
  const triples = fc
    .integer({ min: 2, max: 6 })
    .chain((size) =>
      fc.tuple(
        ...[0, 1, 2, 3].map(() =>
          fc.array(fc.integer({ min: -50, max: 50 }), { minLength: size, maxLength: size }),
        ),
      ),
    );

  it('keeps the distances of its models, and projects each to where it came from', () => {
    const distance = (a: ArrayLike<number>, b: ArrayLike<number>) =>
      Math.sqrt(Array.from(a).reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0));
    fc.assert(
      fc.property(triples, (values) => {
        const [origin, first, second, other] = values.map((each) => Float32Array.from(each));
        let plane: ReturnType<typeof createPlane>;
        try {
          plane = createPlane({ origin, first, second });
        } catch (error) {
          assert.ok(error instanceof Error && 'code' in error && error.code === 'MELDMESH_FUSION_DEGENERATE');
          close(simplexVolume([origin, first, second]), 0, 1e-2);
          return;
        }
        const models = [origin, first, second];
        for (const [k, corner] of plane.corners.entries()) {
          const projected = plane.project(models[k]);
          close(projected.x, corner.x, 1e-6 * (1 + Math.abs(corner.x)));
          close(projected.y, corner.y, 1e-6 * (1 + Math.abs(corner.y)));
          close(projected.distance, 0, 1e-3);
          const back = plane.at(corner);
          for (let i = 0; i < back.length; i++) close(back[i], models[k][i], 1e-4);
        }
        for (const [a, b] of [
          [0, 1],
          [0, 2],
          [1, 2],
        ]) {
          const [p, q] = [plane.corners[a], plane.corners[b]];
          const expected = distance(models[a], models[b]);
          close(Math.hypot(p.x - q.x, p.y - q.y), expected, 1e-6 * expected);
        }
        // Pythagoras: what is left is at a right angle to the plane.
        const place = plane.project(other);
        close(distance(other, plane.at(place)), place.distance, 1e-2);
      }),
      { seed: 9, numRuns: 200 },
    );
  });

  it('is evaluated row by row on a grid with room around the models', () => {
    const plane = createPlane({ origin: floats(0, 0, 0), first: floats(2, 0, 0), second: floats(0, 1, 0) });
    const grid = evaluatePlane(plane, {
      evaluate: (w) => ({ loss: w[0] + 10 * w[1] }),
      columns: 3,
      rows: 5,
      margin: 0.5,
    });
    assert.deepEqual(grid.xs, [-1, 1, 3]);
    assert.deepEqual(grid.ys, [-0.5, 0, 0.5, 1, 1.5]);
    assert.deepEqual(
      grid.points.map(({ loss }) => loss),
      grid.ys.flatMap((y) => grid.xs.map((x) => x + 10 * y)),
    );
  });

  it('refuses models on one line, with the reason', () => {
    const [a, b] = [floats(0, 1, 2), floats(3, 3, 3)];
    const middle = combine({ points: [a, b], coefficients: [0.3, 0.7] });
    const code = 'MELDMESH_FUSION_DEGENERATE';
    assert.throws(() => createPlane({ origin: a, first: a.slice(), second: b }), { code, message: /equal/ });
    assert.throws(() => createPlane({ origin: a, first: b, second: middle }), { code, message: /line/ });
    assert.throws(() => createPlane({ origin: a, first: b, second: a }), { code, message: /line/ });
  });
});
