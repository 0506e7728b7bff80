// Subspaces of low loss that are trained as a whole, a line, a curve or a simplex, and their midpoint (Wortsman et al.
// 2021). It does not know how a model is run.
import { FusionError } from '../errors.ts';
import { checkPoints, checkRange, combine } from './model-points.ts';
import { bernsteinWeights } from './path.ts';
import { drawBarycentric } from './simplex-geometry.ts';
import { type PointTraining, trainPoints } from './trained-points.ts';

export interface SubspaceOptions extends PointTraining {
  /** First values of the points that span the subspace: independent initialisations, or trained models. Two make a line. */
  readonly starts: readonly Float32Array[];
  /** A simplex of all points, or the Bezier curve with them as control points. Default simplex. */
  readonly form?: 'simplex' | 'curve';
  /** Weight β of the squared cosine between points, which keeps the subspace from shrinking. Default 1, as published. */
  readonly diversityWeight?: number;
}

export interface LearnedSubspace {
  readonly points: readonly Float32Array[];
  /** The model to use when only one is wanted: the centre of the simplex, or the curve at ½. */
  readonly midpoint: Float32Array;
  readonly losses: Float64Array;
}

/**
 * Minimises E[L(P(α))] + β E[cos²(ω_j, ω_k)] over all points ω, α uniform over the subspace and j ≠ k a random pair, both
 * drawn anew at each step (Wortsman et al. 2021, algorithm 1). For curves the pair is always that of the ends.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE, _SPEC; _DEGENERATE where a point is zero, which has
 * no direction
 */
export function trainSubspace(options: SubspaceOptions): LearnedSubspace {
  const { starts, form = 'simplex', diversityWeight = 1, random } = options;
  checkPoints(starts, 2);
  checkRange('diversityWeight', diversityWeight, { min: 0 });
  const pairs = random.fork('pairs');
  const count = starts.length;
  const drawPair = (): readonly [number, number] => {
    if (form === 'curve') return [0, count - 1];
    const j = pairs.below(count);
    return [j, (j + 1 + pairs.below(count - 1)) % count];
  };
  const { points, losses } = trainPoints(
    {
      points: starts,
      isTrained: () => true,
      draw: (coefficients, draws) =>
        form === 'curve'
          ? bernsteinWeights(draws.float(), coefficients)
          : drawBarycentric(coefficients, draws),
      regularise(current, gradients) {
        if (diversityWeight > 0) addCosineGradient(current, gradients, { pair: drawPair(), diversityWeight });
      },
    },
    options,
  );
  const middle = new Float64Array(count).fill(1 / count);
  if (form === 'curve') bernsteinWeights(0.5, middle);
  return { points, losses, midpoint: combine({ points, coefficients: middle }) };
}

/** Of β cos²(a, b): by a, 2 β cos · (b / (|a| |b|) − cos · a / |a|²), and the same by b. */
function addCosineGradient(
  points: readonly Float32Array[],
  gradients: readonly Float64Array[],
  term: { readonly pair: readonly [number, number]; readonly diversityWeight: number },
): void {
  const [j, k] = term.pair;
  const [a, b] = [points[j], points[k]];
  let [aa, ab, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    aa += a[i] * a[i];
    ab += a[i] * b[i];
    bb += b[i] * b[i];
  }
  if (aa === 0 || bb === 0) {
    const text = `point ${aa === 0 ? j : k} of the subspace is zero and has no direction; start elsewhere`;
    throw new FusionError('MELDMESH_FUSION_DEGENERATE', text);
  }
  const product = Math.sqrt(aa) * Math.sqrt(bb);
  const cosine = ab / product;
  const scale = 2 * term.diversityWeight * cosine;
  for (let i = 0; i < a.length; i++) {
    gradients[j][i] += scale * (b[i] / product - (cosine * a[i]) / aa);
    gradients[k][i] += scale * (a[i] / product - (cosine * b[i]) / bb);
  }
}
