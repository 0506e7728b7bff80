// Straight-through matching (Ainsworth et al., 2023, section 3.3 and algorithm 2): permutations by the loss half way between the
// models. Free weights are trained by the gradient there; their nearest permutation of the model is what is tried.
import { FusionError } from '../errors.ts';
import type { Evaluate, Gradient } from '../model-functions.ts';
import type { Permutations } from '../symmetry/permutation-spec.ts';
import { permuteModel } from '../symmetry/permute.ts';
import type { Random } from '../types.ts';
import { checkMatchedModels, likenessOf, type MatchedModels, type Matching } from './model-pair.ts';
import { matchWeights, type WeightMatchingOptions } from './weight-matching.ts';

export interface StraightThroughOptions extends MatchedModels {
  /** Loss and gradient on the batch of a step. */
  readonly gradient: Gradient;
  /** Decides which permutations are best; always over the same samples. */
  readonly evaluate: Evaluate;
  readonly steps: number;
  /** Of gradient descent with momentum 0.9. Default 0.01, as in the paper's code for MLPs. */
  readonly learningRate?: number;
  readonly random: Random;
  readonly product?: WeightMatchingOptions['product'];
  /** After each step; for progress. */
  readonly onStep?: (progress: StraightThroughProgress) => void;
}

export interface StraightThroughProgress {
  /** From 1. */
  readonly step: number;
  /** Half way, on the batch of the step. */
  readonly loss: number;
  /** Half way, over all samples, of the best permutations so far. */
  readonly bestLoss: number;
}

export interface StraightThroughMatching extends Matching {
  /** Half way between the models, with the units where they were and with the permutations found. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** The step at which they were found; 0 for those of weight matching. */
  readonly bestStep: number;
}

const MOMENTUM = 0.9;
const LEARNING_RATE = 0.01;

interface Found {
  readonly permutations: Permutations;
  readonly aligned: Float32Array;
  readonly loss: number;
  readonly step: number;
}

/**
 * Starts at the permutations of weight matching, so that the loss half way is never above theirs. Each step projects the
 * free weights onto the permutations of the model (weight matching from where the last step ended), takes the gradient half
 * way between the reference and that permutation, and moves the free weights by it as if there had been no projection.
 *
 * Throws a FusionError as `matchWeights` does, and where loss or gradient are not finite.
 */
export function matchStraightThrough(options: StraightThroughOptions): StraightThroughMatching {
  const { reference, model, steps, gradient, learningRate = LEARNING_RATE, onStep } = options;
  checkMatchedModels(options);
  if (!(Number.isSafeInteger(steps) && steps >= 1 && learningRate > 0)) {
    const message = `straight-through matching needs a step or more and a positive rate, not ${steps} and ${learningRate}`;
    throw new FusionError('MELDMESH_FUSION_SPEC', message);
  }
  const free = reference.slice();
  const velocity = new Float32Array(free.length);
  let current = project(options, { free, step: 0 });
  let best = current;
  for (let step = 1; step <= steps; step++) {
    const { loss, gradient: slope } = gradient(middleOf(reference, current.aligned), step - 1);
    if (slope.length !== free.length) {
      const message = `the gradient has ${slope.length} values, but the model ${free.length} weights`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', message);
    }
    for (let at = 0; at < free.length; at++) {
      // Half of the gradient: the middle moves half as far as the free weights.
      velocity[at] = MOMENTUM * velocity[at] + 0.5 * slope[at];
      free[at] -= learningRate * velocity[at];
    }
    current = project(options, { free, step, before: current });
    if (current.loss < best.loss) best = current;
    onStep?.({ step, loss, bestLoss: best.loss });
  }
  const { permutations, loss, step } = best;
  return {
    ...{ permutations, before: likenessOf(options), after: likenessOf(options, permutations), sweeps: steps },
    ...{ lossBefore: evaluateFinite(options, middleOf(reference, model)), lossAfter: loss, bestStep: step },
  };
}

interface Projection {
  readonly free: Float32Array;
  readonly step: number;
  readonly before?: Found;
}

/** The permutation of the model that is nearest to the free weights, as far as weight matching finds it, and its loss. */
function project(options: StraightThroughOptions, { free, step, before }: Projection): Found {
  const { reference, model, layout, spec, product, random } = options;
  const initial = before?.permutations;
  const orders = random.fork(`step ${step}`);
  const { permutations } = matchWeights({
    reference: free,
    model,
    layout,
    spec,
    initial,
    product,
    random: orders,
  });
  if (before !== undefined && areEqual(permutations, before.permutations)) return before;
  const aligned = permuteModel({ weights: model, layout, spec, permutations });
  return { permutations, aligned, loss: evaluateFinite(options, middleOf(reference, aligned)), step };
}

function evaluateFinite({ evaluate }: StraightThroughOptions, weights: Float32Array): number {
  const { loss } = evaluate(weights);
  if (Number.isFinite(loss)) return loss;
  throw new FusionError('MELDMESH_FUSION_NOT_FINITE', `the loss half way between the models is ${loss}`);
}

function middleOf(left: Float32Array, right: Float32Array): Float32Array {
  return left.map((weight, at) => (weight + right[at]) / 2);
}

function areEqual(left: Permutations, right: Permutations): boolean {
  return [...left].every(([name, order]) => order.every((unit, place) => right.get(name)?.[place] === unit));
}
