// The loss barrier on the straight line between two models. How a model is run, and how its statistics are re-estimated
// where it needs that, is handed in.
import type { Evaluate } from '../model-functions.ts';
import { checkPoints, checkRange } from './model-points.ts';
import { linePath } from './path.ts';
import { evaluatePoint, type PathPoint, type PointRepair } from './path-profile.ts';

export interface BarrierOptions {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly evaluate: Evaluate;
  /** Equally spaced, both ends included; an odd number has the midpoint. Default 25, as git re-basin plots it. */
  readonly points?: number;
  /** So often both gaps beside the highest point are halved. Default 0. */
  readonly refinements?: number;
  /** Applied at every point, the ends included: without it the barrier of a model with batch norm is an artefact. */
  readonly repair?: PointRepair;
  readonly onPoint?: (point: PathPoint, of: number) => void;
}

export interface Barrier {
  /**
   * Highest loss above the line between the losses of the ends, sup over t of L(t) − [(1 − t) L(0) + t L(1)] (Entezari et
   * al. 2022, section 2; Frankle et al. 2020 call it instability, with the mean of the ends). Never below 0: the ends are
   * on it.
   */
  readonly barrier: number;
  /** Where it is. */
  readonly t: number;
  /** Highest loss above the mean of the ends, as git re-basin reports it (Ainsworth et al. 2023). */
  readonly aboveMean: number;
  /** Mean accuracy of the ends minus the lowest on the line; absent where accuracy is. */
  readonly accuracyDrop: number | undefined;
  /** By t. */
  readonly points: readonly PathPoint[];
}

/**
 * Runs the models on the line between two.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC for fewer than two points or a loss that is no number
 */
export function lossBarrier(options: BarrierOptions): Barrier {
  const { from, to, points: count = 25, refinements = 0 } = options;
  checkPoints([from, to], 2);
  checkRange('points', count, { min: 2, whole: true });
  checkRange('refinements', refinements, { min: 0, max: 40, whole: true });
  const path = linePath(options);
  const room = new Float32Array(path.size);
  const total = count + 2 * refinements;
  const points: PathPoint[] = [];
  const visit = (t: number) => {
    const point = evaluatePoint(path.at(t, room), t, options);
    options.onPoint?.(point, total);
    return point;
  };
  for (let i = 0; i < count; i++) points.push(visit(i / (count - 1)));
  for (let i = 0; i < refinements; i++) halveBesideHighest(points, visit);
  return barrierOf(points);
}

/** The barrier of points that are in order of t, the first at 0 and the last at 1. */
export function barrierOf(points: readonly PathPoint[]): Barrier {
  const [start, end] = [points[0], points[points.length - 1]];
  const highest = points[indexOfHighest(points)];
  const ends = { start: start.loss, end: end.loss };
  const mean = (start.loss + end.loss) / 2;
  return {
    barrier: heightAbove(highest, ends),
    t: highest.t,
    aboveMean: points.reduce((most, { loss }) => Math.max(most, loss), start.loss) - mean,
    accuracyDrop: accuracyDropOf(points),
    points,
  };
}

/** Loss above the line between the losses of the two ends; exactly 0 for a point at an end. */
export function heightAbove(
  { t, loss }: PathPoint,
  ends: { readonly start: number; readonly end: number },
): number {
  const { start, end } = ends;
  // From the nearer end, so that neither of them is rounded.
  return loss - (t <= 0.5 ? start + t * (end - start) : end - (1 - t) * (end - start));
}

function indexOfHighest(points: readonly PathPoint[]): number {
  const ends = { start: points[0].loss, end: points[points.length - 1].loss };
  let best = 0;
  for (const [index, point] of points.entries()) {
    if (heightAbove(point, ends) > heightAbove(points[best], ends)) best = index;
  }
  return best;
}

/** New points in the middle of the gaps beside the highest one; a gap at an end is missing. */
function halveBesideHighest(points: PathPoint[], visit: (t: number) => PathPoint): void {
  const highest = indexOfHighest(points);
  for (const gap of [highest, highest - 1]) {
    if (gap < 0 || gap + 1 >= points.length) continue;
    points.splice(gap + 1, 0, visit((points[gap].t + points[gap + 1].t) / 2));
  }
}

function accuracyDropOf(points: readonly PathPoint[]): number | undefined {
  const accuracies = points.flatMap(({ accuracy }) => accuracy ?? []);
  if (accuracies.length < points.length) return undefined;
  const ends = (accuracies[0] + accuracies[accuracies.length - 1]) / 2;
  return ends - accuracies.reduce((least, accuracy) => Math.min(least, accuracy));
}
