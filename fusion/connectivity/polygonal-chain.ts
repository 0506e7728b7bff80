// A polygonal chain of low loss between two models (Garipov et al. 2018, section 3). It does not know how a model is run.
import { chainPath, chainWeights } from './path.ts';
import { type CurveOptions, type TrainedCurve, trainCurve } from './trained-curve.ts';

/**
 * Trains the bends θ of a chain of straight pieces, each as long in t as the others, to a low E[L(φ(t))], t uniform in
 * [0, 1] and drawn anew at each step (equation 2). They start equally spaced on the straight line; the ends stay as they
 * are.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC
 */
export function trainPolygonalChain(options: CurveOptions): TrainedCurve {
  return trainCurve(options, { weights: chainWeights, pathOf: chainPath });
}
