// Permutation points (Brea, Simsek, Illing and Gerstner, "Weight-space symmetry in deep networks gives rise to permutation saddles,
// connected by equal-loss valleys across the loss landscape", 2019): two units of a layer slide until they read the same; there
// they can change places without anybody noticing, and slide back. A demonstration that permuted minima are connected.
import { FusionError } from '../errors.ts';
import type { Evaluate, Gradient } from '../model-functions.ts';
import type { PermutationSpec } from '../symmetry/permutation-spec.ts';
import { identityPermutations } from '../symmetry/permutations.ts';
import { permuteModel } from '../symmetry/permute.ts';
import type { ModelLayout } from '../types.ts';
import { type OutputAxis, writtenAxis } from './axis-roles.ts';
import { checkMixable } from './mixed-units.ts';
import { checkMatchedModels } from './model-pair.ts';
import { otherOffsets, unitAxesOf, unitOffsets } from './unit-axes.ts';

export interface PermutationPathOptions {
  /** Flat; a minimum, best of a model that is wider than it has to be. Not written to. */
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  /** The layer's permutation, and the two units that change places. */
  readonly permutation: string;
  readonly units: readonly [number, number];
  readonly gradient: Gradient;
  readonly evaluate: Evaluate;
  /** Distances on the way to the permutation point. Default 20. */
  readonly stages?: number;
  /** Descent at each distance. Default 100. */
  readonly stepsPerStage?: number;
  /** Of gradient descent with momentum 0.9. Default 0.01. */
  readonly learningRate?: number;
  /** Default last, as in TensorFlow.js. */
  readonly outputAxis?: OutputAxis;
}

export interface PermutationPathPoint {
  readonly weights: Float32Array;
  readonly loss: number;
  /** Between the incoming weights of the two units. */
  readonly distance: number;
}

export interface PermutationPath {
  /** From the model to the same one with the two units in each other's place. */
  readonly points: readonly PermutationPathPoint[];
  /** Of `points`, where the two units first read the same. */
  readonly permutationPoint: number;
  /** Of a point on the way over the loss at the two ends, which is one. */
  readonly lossRiseMax: number;
}

const MOMENTUM = 0.9;
/** Steps in which the outgoing weights change places. */
const PLATEAU_STEPS = 4;

/** Offsets of the weights of two units, one beside the other. */
interface TwoUnits {
  readonly first: readonly number[];
  readonly second: readonly number[];
}

/**
 * Shrinks the distance of the units' incoming weights stage by stage, each time going down the loss with the distance held.
 * Where they coincide only the sum of the outgoing weights matters, so these change places on a plateau. The rest of the way
 * is the first part backwards, with the units renamed. Throws a FusionError for models, specs and units that do not fit.
 */
export function slideToPermutation(options: PermutationPathOptions): PermutationPath {
  const { weights, layout, spec, permutation, units, evaluate, outputAxis = 'last' } = options;
  checkMatchedModels({ reference: weights, model: weights, layout, spec });
  checkMixable(spec);
  const swapped = swapOf(options);
  const incoming = offsetsOf(options, (shape, axis) => axis === writtenAxis(shape, outputAxis));
  const outgoing = offsetsOf(options, (shape, axis) => axis !== writtenAxis(shape, outputAxis));
  const pointAt = (at: Float32Array): PermutationPathPoint => {
    const { loss } = evaluate(at);
    if (Number.isFinite(loss)) return { weights: at, loss, distance: distanceOf(at, incoming) };
    const message = `units ${units.join(' and ')} of "${permutation}" slid to where the loss is ${loss}: use a lower rate`;
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', message);
  };
  const there = slide(options, incoming).map(pointAt);
  const meeting = there[there.length - 1].weights;
  const plateau = Array.from({ length: PLATEAU_STEPS - 1 }, (_, step) =>
    pointAt(exchanged(meeting, outgoing, (step + 1) / PLATEAU_STEPS)),
  );
  const back = there
    .toReversed()
    .map(({ weights: own }) => pointAt(permuteModel({ weights: own, layout, spec, permutations: swapped })));
  const points = [...there, ...plateau, ...back];
  const lossRiseMax = Math.max(...points.map(({ loss }) => loss)) - points[0].loss;
  return { points, permutationPoint: there.length - 1, lossRiseMax };
}

function swapOf({ spec, permutation, units: [first, second] }: PermutationPathOptions) {
  const swapped = new Map(identityPermutations(spec));
  const order = swapped.get(permutation)?.slice();
  if (order === undefined) throw refusal(`the spec has no permutation "${permutation}"`);
  if (first === second || order[first] === undefined || order[second] === undefined) {
    throw refusal(`"${permutation}" has no two units ${first} and ${second} among its ${order.length}`);
  }
  [order[first], order[second]] = [second, first];
  return swapped.set(permutation, order);
}

function refusal(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}

/** Of the tensors where the units lie on such an axis. */
function offsetsOf(
  { layout, spec, permutation, units }: PermutationPathOptions,
  isWanted: (shape: readonly number[], axis: number) => boolean,
): TwoUnits {
  const axes = unitAxesOf(spec, layout).get(permutation) ?? [];
  const [first, second] = units.map((unit) =>
    axes
      .filter(({ tensor, axis }) => isWanted(tensor.shape, axis))
      .flatMap((axis) => {
        const ofUnits = unitOffsets(axis, new Map()).model;
        const perUnit = ofUnits.length / axis.segment.size;
        const others = [...otherOffsets(axis, new Map()).model];
        const own = [...ofUnits.subarray(unit * perUnit, (unit + 1) * perUnit)];
        return own.flatMap((offset) => others.map((other) => offset + other));
      }),
  );
  return { first, second };
}

function distanceOf(weights: Float32Array, { first, second }: TwoUnits): number {
  const squareOf = (difference: number) => difference * difference;
  return Math.sqrt(first.reduce((sum, at, index) => sum + squareOf(weights[at] - weights[second[index]]), 0));
}

/** The models at each distance, the given one first. */
function slide(options: PermutationPathOptions, incoming: TwoUnits): Float32Array[] {
  const { weights, gradient, stages = 20, stepsPerStage = 100, learningRate = 0.01 } = options;
  const isCount = (count: number) => Number.isSafeInteger(count) && count >= 1;
  if (!(isCount(stages) && isCount(stepsPerStage) && learningRate > 0)) {
    throw refusal('sliding takes a stage, a step and a positive learning rate at least');
  }
  const start = distanceOf(weights, incoming);
  const current = weights.slice();
  const velocity = new Float32Array(weights.length);
  const models = [weights.slice()];
  for (let stage = 1; stage <= stages; stage++) {
    const distance = (start * (stages - stage)) / stages;
    holdDistance(current, incoming, distance);
    for (let step = 0; step < stepsPerStage; step++) {
      const slope = gradient(current, (stage - 1) * stepsPerStage + step).gradient;
      for (let at = 0; at < current.length; at++) {
        velocity[at] = MOMENTUM * velocity[at] + slope[at];
        current[at] -= learningRate * velocity[at];
      }
      holdDistance(current, incoming, distance);
    }
    models.push(current.slice());
  }
  return models;
}

/** Moves both units along the line between them, and their middle not at all. */
function holdDistance(weights: Float32Array, { first, second }: TwoUnits, distance: number): void {
  const now = distanceOf(weights, { first, second });
  const scale = now === 0 ? 0 : distance / now;
  for (const [index, at] of first.entries()) {
    const other = second[index];
    const middle = (weights[at] + weights[other]) / 2;
    const half = ((weights[at] - weights[other]) / 2) * scale;
    weights[at] = middle + half;
    weights[other] = middle - half;
  }
}

/** The outgoing weights of two units that read the same, part of the way to each other's; their sums stay. */
function exchanged(weights: Float32Array, { first, second }: TwoUnits, share: number): Float32Array {
  const moved = weights.slice();
  for (const [index, at] of first.entries()) {
    const difference = weights[second[index]] - weights[at];
    moved[at] = weights[at] + share * difference;
    moved[second[index]] = weights[second[index]] - share * difference;
  }
  return moved;
}
