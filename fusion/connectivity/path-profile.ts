// Loss and accuracy along a curve of models, point by point, and what is worth saying about them. It does not know where the
// curve came from; how a model is run is handed in.
import type { Evaluate, Evaluation } from '../model-functions.ts';
import { checkRange, distanceBetween } from './model-points.ts';
import type { Path } from './path.ts';

/** Re-estimates the statistics of the model at t before it is run; may answer with the array that it was given. */
export type PointRepair = (weights: Float32Array, t: number) => Float32Array;

export interface PathPoint extends Evaluation {
  /** In [0, 1]. */
  readonly t: number;
}

export interface ProfileOptions {
  readonly evaluate: Evaluate;
  /** Equally spaced in t, both ends included. Default 61, as in Garipov et al. (2018). */
  readonly points?: number;
  /** Applied at every point, the ends included (batch norm, REPAIR). */
  readonly repair?: PointRepair;
  /** Told of each point when it is done. */
  readonly onPoint?: (point: PathPoint, of: number) => void;
}

export interface PathProfile {
  readonly points: readonly PathPoint[];
  readonly start: PathPoint;
  readonly end: PathPoint;
  /** Of highest and of lowest loss. */
  readonly worst: PathPoint;
  readonly best: PathPoint;
  /** Mean over the points. */
  readonly meanLoss: number;
  /**
   * Trapezoids over the length in the space of weights: equal steps of t are not equal distances on a curve. The mean of the
   * ends where the curve has no length.
   */
  readonly meanLossByLength: number;
  /** Of the curve through the points, Euclidean, before repair. */
  readonly length: number;
}

/** Runs the models at equally spaced t. Throws MELDMESH_FUSION_SPEC for fewer than two points. */
export function profilePath(path: Path, options: ProfileOptions): PathProfile {
  const { points: count = 61 } = options;
  checkRange('points', count, { min: 2, whole: true });
  const rooms = [new Float32Array(path.size), new Float32Array(path.size)];
  const points: PathPoint[] = [];
  const steps: number[] = [];
  for (let i = 0; i < count; i++) {
    const weights = path.at(i / (count - 1), rooms[i % 2]);
    if (i > 0) steps.push(distanceBetween(rooms[0], rooms[1]));
    points.push(evaluatePoint(weights, i / (count - 1), options));
    options.onPoint?.(points[i], count);
  }
  return summaryOf(points, steps);
}

/** One point of a path. */
export function evaluatePoint(
  weights: Float32Array,
  t: number,
  options: Pick<ProfileOptions, 'evaluate' | 'repair'>,
): PathPoint {
  // A copy, so that a repair in place does not move the curve.
  const repaired = options.repair === undefined ? weights : options.repair(weights.slice(), t);
  const { loss, accuracy } = options.evaluate(repaired);
  return accuracy === undefined ? { t, loss } : { t, loss, accuracy };
}

function summaryOf(points: readonly PathPoint[], steps: readonly number[]): PathProfile {
  const [start, end] = [points[0], points[points.length - 1]];
  const length = steps.reduce((sum, step) => sum + step, 0);
  const area = steps.reduce((sum, step, i) => sum + (step * (points[i].loss + points[i + 1].loss)) / 2, 0);
  return {
    points,
    start,
    end,
    worst: points.reduce((worst, point) => (point.loss > worst.loss ? point : worst)),
    best: points.reduce((best, point) => (point.loss < best.loss ? point : best)),
    meanLoss: points.reduce((sum, { loss }) => sum + loss, 0) / points.length,
    meanLossByLength: length > 0 ? area / length : (start.loss + end.loss) / 2,
    length,
  };
}
