// A run of gradient descent from one model that keeps copies on its way, and predictions averaged over such copies. Which
// rates and which copies is up to the ensembling rule.

import { FusionError } from '../errors.ts';
import type { Gradient } from '../model-functions.ts';
import { checkLoss, createDescent, type DescentRule, SGD } from './descent.ts';
import type { Rate } from './learning-rate.ts';
import { checkPoints, checkRange } from './model-points.ts';

export interface DescentOptions {
  /** Where it starts; not changed. */
  readonly start: Float32Array;
  readonly gradient: Gradient;
  /** Default SGD with momentum 0.9. */
  readonly rule?: DescentRule;
  /** L2 term. Default 0. */
  readonly weightDecay?: number;
  readonly onStep?: (step: number, loss: number) => void;
}

export interface Collected {
  /** Steps that were made before the copy. */
  readonly steps: number;
  readonly weights: Float32Array;
}

/** @throws FusionError MELDMESH_FUSION_SHAPE, _SPEC, _NOT_FINITE when the loss leaves the numbers. */
export function collectOnTheWay(
  options: DescentOptions,
  course: { readonly steps: number; readonly rate: Rate; readonly isCollected: (steps: number) => boolean },
): readonly Collected[] {
  const { start, gradient, rule = SGD, weightDecay = 0 } = options;
  checkPoints([start], 1);
  checkRange('weightDecay', weightDecay, { min: 0 });
  const weights = start.slice();
  const descent = createDescent(rule, weights.length);
  const room = new Float64Array(weights.length);
  const collected: Collected[] = [];
  for (let step = 0; step < course.steps; step++) {
    const answer = gradient(weights, step);
    checkLoss(answer.loss, step);
    for (let i = 0; i < room.length; i++) room[i] = answer.gradient[i] + weightDecay * weights[i];
    descent.step(weights, room, course.rate(step));
    options.onStep?.(step, answer.loss);
    if (course.isCollected(step + 1)) collected.push({ steps: step + 1, weights: weights.slice() });
  }
  checkPoints(
    collected.map((copy) => copy.weights),
    0,
  );
  return collected;
}

/**
 * Mean over the members of what `predict` gives for each, usually probabilities [samples, classes]; summed in float64.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE where predictions differ in length
 */
export function averagePredictions(
  members: readonly Float32Array[],
  predict: (weights: Float32Array) => ArrayLike<number>,
): Float64Array {
  if (members.length === 0) {
    throw new FusionError(
      'MELDMESH_FUSION_TOO_FEW',
      'an ensemble of no members predicts nothing; collect one',
    );
  }
  let sums = new Float64Array(0);
  for (const [index, member] of members.entries()) {
    const prediction = predict(member);
    if (index === 0) sums = new Float64Array(prediction.length);
    if (prediction.length !== sums.length) {
      const text = `member ${index} predicts ${prediction.length} numbers and member 0 ${sums.length}; use the same samples`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', text);
    }
    for (let i = 0; i < sums.length; i++) sums[i] += prediction[i];
  }
  for (let i = 0; i < sums.length; i++) sums[i] /= members.length;
  return sums;
}
