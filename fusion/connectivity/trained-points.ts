// Training of points whose weighted sums are to have a low loss: each step draws a sum, and its gradient goes to every
// trained point by its share. Curves, simplexes and subspaces are this with different draws. It knows no curve.
import type { Gradient } from '../model-functions.ts';
import type { Random } from '../types.ts';
import { checkLoss, createDescent, type DescentRule, SGD } from './descent.ts';
import { decayingRate, type Rate } from './learning-rate.ts';
import { checkPoints, checkRange, combine } from './model-points.ts';

export interface PointTraining {
  readonly gradient: Gradient;
  readonly steps: number;
  /** One number decays as in Garipov et al. (2018); a function is asked at every step. */
  readonly rate: number | Rate;
  /** Decides every draw. */
  readonly random: Random;
  /** Default SGD with momentum 0.9. */
  readonly rule?: DescentRule;
  /** L2 term on the drawn sum, not on the points (Garipov et al. 2018, reference code). Default 0. */
  readonly weightDecay?: number;
  /** Told of the loss of each step. */
  readonly onStep?: (step: number, loss: number) => void;
}

export interface PointSet {
  /** Where training starts; not changed. */
  readonly points: readonly Float32Array[];
  /** Which of them move. */
  readonly isTrained: (index: number) => boolean;
  /** Fills in how much each point counts in this step. */
  readonly draw: (coefficients: Float64Array, random: Random) => void;
  /** Adds the gradient of a term in the points themselves; those that stay have an empty gradient. */
  readonly regularise?: (points: readonly Float32Array[], gradients: readonly Float64Array[]) => void;
}

export interface TrainedPoints {
  /** New ones where trained, the caller's own elsewhere. */
  readonly points: readonly Float32Array[];
  /** Loss of the drawn sum at each step, before the step; without the terms that are added. */
  readonly losses: Float64Array;
}

/**
 * Minimises E[L(Σ c_k · point_k)] over the trained points, c as drawn.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE (also when the loss leaves the numbers), _SPEC
 */
export function trainPoints(set: PointSet, training: PointTraining): TrainedPoints {
  const { steps, random, gradient, rule = SGD, weightDecay = 0 } = training;
  checkPoints(set.points, 1);
  checkRange('steps', steps, { min: 0, whole: true });
  checkRange('weightDecay', weightDecay, { min: 0 });
  const rate = typeof training.rate === 'function' ? training.rate : decayingRate(training.rate, steps);
  const size = set.points[0].length;
  const points = set.points.map((point, k) => (set.isTrained(k) ? point.slice() : point));
  const gradients = points.map((_, k) => new Float64Array(set.isTrained(k) ? size : 0));
  const descents = points.map((_, k) => (set.isTrained(k) ? createDescent(rule, size) : undefined));
  const coefficients = new Float64Array(points.length);
  const drawn = new Float32Array(size);
  const losses = new Float64Array(steps);
  for (let step = 0; step < steps; step++) {
    set.draw(coefficients, random);
    combine({ points, coefficients, room: drawn });
    const answer = gradient(drawn, step);
    losses[step] = answer.loss;
    checkLoss(answer.loss, step);
    for (const [k, room] of gradients.entries()) {
      const share = coefficients[k];
      for (let i = 0; i < room.length; i++) {
        room[i] = share * (answer.gradient[i] + weightDecay * drawn[i]);
      }
    }
    set.regularise?.(points, gradients);
    for (const [k, descent] of descents.entries()) descent?.step(points[k], gradients[k], rate(step));
    training.onStep?.(step, answer.loss);
  }
  checkPoints(points, 1);
  return { points, losses };
}
