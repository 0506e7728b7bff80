// Simplexes of low loss: a new vertex is trained so that everything between it and vertices that are there has a low loss,
// while the volume is kept large (SPRO, Benton et al. 2021). It does not know how a model is run.
import { FusionError } from '../errors.ts';
import { checkPoints, checkRange, combine, distanceBetween } from './model-points.ts';
import { affineHull, drawBarycentric, simplexVolume } from './simplex-geometry.ts';
import { type PointTraining, trainPoints } from './trained-points.ts';

/** Share of the fixed simplex's longest edge below which a height counts as this one, so that log V has a bounded slope. */
const HEIGHT_FLOOR = 0.01;

export interface SimplexOptions extends PointTraining {
  /**
   * The simplexes that the new vertex is to join, each as its fixed vertices. One alone grows a simplex; several with a
   * vertex of their own make the new one a common neighbour that connects them.
   */
  readonly simplexes: readonly (readonly Float32Array[])[];
  /** Weight λ of −log V. Default 1e-3. */
  readonly volumeWeight?: number;
  /** Where the vertex starts. Default: the mean of all fixed vertices, each counted once per simplex. */
  readonly start?: Float32Array;
}

export interface TrainedSimplex {
  readonly vertex: Float32Array;
  /** Of each simplex with the new vertex in it. */
  readonly volumes: readonly number[];
  readonly losses: Float64Array;
}

/**
 * Minimises E[L(w)] − λ Σ log V over one vertex, w uniform in a simplex that is drawn evenly from the list (Benton et al.
 * 2021, section 4). Of log V only the height of the vertex h over the others depends on it; its gradient,
 * h / |h|², is taken as h / (|h|² + floor²) so that a vertex that starts among the others leaves them with small steps.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE, _SPEC
 */
export function trainSimplexVertex(options: SimplexOptions): TrainedSimplex {
  const { simplexes, volumeWeight = 1e-3 } = options;
  checkRange('volumeWeight', volumeWeight, { min: 0 });
  if (simplexes.length === 0 || simplexes.some((vertices) => vertices.length === 0)) {
    const text = 'there is a simplex without a vertex; give at least one vertex to each';
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', text);
  }
  const fixed = simplexes.flat();
  const start = options.start ?? combine({ points: fixed, coefficients: fixed.map(() => 1 / fixed.length) });
  checkPoints([...fixed, start], 1);
  const last = fixed.length;
  const rooms = simplexes.map((vertices) => new Float64Array(vertices.length + 1));
  const firsts = simplexes.map((_, s) => simplexes.slice(0, s).flat().length);
  const { points, losses } = trainPoints(
    {
      points: [...fixed, start],
      isTrained: (k) => k === last,
      draw(coefficients, random) {
        const s = random.below(simplexes.length);
        drawBarycentric(rooms[s], random);
        coefficients.fill(0);
        coefficients.set(rooms[s].subarray(0, -1), firsts[s]);
        coefficients[last] = rooms[s][rooms[s].length - 1];
      },
      regularise: volumePenalty(simplexes, volumeWeight),
    },
    options,
  );
  const vertex = points[last];
  return { vertex, losses, volumes: simplexes.map((vertices) => simplexVolume([...vertices, vertex])) };
}

/** Adds the gradient of −λ Σ log V to that of the last point. */
function volumePenalty(simplexes: readonly (readonly Float32Array[])[], weight: number) {
  const hulls = simplexes.map((vertices) => ({
    hull: affineHull(vertices),
    floor: HEIGHT_FLOOR * spreadOf(vertices),
  }));
  const height = new Float64Array(simplexes[0][0].length);
  return (points: readonly Float32Array[], gradients: readonly Float64Array[]): void => {
    if (weight === 0) return;
    const last = points.length - 1;
    for (const { hull, floor } of hulls) {
      const length = hull.heightOf(points[last], height);
      const square = length * length + floor * floor;
      if (square === 0) continue;
      for (let i = 0; i < height.length; i++) gradients[last][i] -= (weight * height[i]) / square;
    }
  };
}

/** The longest edge; the length of the vector where there is no edge. */
function spreadOf(vertices: readonly Float32Array[]): number {
  let longest = 0;
  for (const [a, first] of vertices.entries()) {
    for (const second of vertices.slice(a + 1)) longest = Math.max(longest, distanceBetween(first, second));
  }
  return longest > 0 ? longest : distanceBetween(vertices[0], new Float32Array(vertices[0].length));
}
