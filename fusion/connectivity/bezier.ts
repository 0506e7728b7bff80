// A Bezier curve of low loss between two models (Garipov et al. 2018, section 3). It does not know how a model is run.
import { bernsteinWeights, bezierPath } from './path.ts';
import { type CurveOptions, type TrainedCurve, trainCurve } from './trained-curve.ts';

/**
 * Trains the inner control points θ of φ(t) = Σ C(n, k) (1 − t)^(n−k) t^k p_k to a low E[L(φ(t))], t uniform in [0, 1]
 * and drawn anew at each step (equation 2). They start equally spaced on the straight line; the ends stay as they are.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC
 */
export function trainBezier(options: CurveOptions): TrainedCurve {
  return trainCurve(options, { weights: bernsteinWeights, pathOf: bezierPath });
}
