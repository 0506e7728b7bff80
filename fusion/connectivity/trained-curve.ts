// What the trained curves between two models share: inner points that start on the straight line and are trained at random
// places of the curve. Which curve it is comes in as its weights.
import { checkPoints, checkRange, interpolate } from './model-points.ts';
import type { Path, PathWeights } from './path.ts';
import { type PointTraining, trainPoints } from './trained-points.ts';

export interface CurveOptions extends PointTraining {
  readonly from: Float32Array;
  readonly to: Float32Array;
  /** Trained points between the ends. Default 1, with which the published curves were found. */
  readonly bends?: number;
}

export interface TrainedCurve {
  readonly path: Path;
  /** Both ends included. */
  readonly points: readonly Float32Array[];
  /** Loss of the drawn model at each step. */
  readonly losses: Float64Array;
}

export interface CurveForm {
  readonly weights: PathWeights;
  readonly pathOf: (points: readonly Float32Array[]) => Path;
}

export function trainCurve(options: CurveOptions, form: CurveForm): TrainedCurve {
  const { from, to, bends = 1 } = options;
  checkPoints([from, to], 2);
  checkRange('bends', bends, { min: 1, max: 64, whole: true });
  const last = bends + 1;
  const bend = (k: number) => interpolate({ from, to, t: k / last });
  const { points, losses } = trainPoints(
    {
      points: [from, ...Array.from({ length: bends }, (_, i) => bend(i + 1)), to],
      isTrained: (k) => k > 0 && k < last,
      draw: (coefficients, random) => form.weights(random.float(), coefficients),
    },
    options,
  );
  return { path: form.pathOf(points), points, losses };
}
