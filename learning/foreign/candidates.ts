// From a model that was trained elsewhere to what may come into the mesh: its hidden units in the order of the shared model's
// (Ainsworth et al., 2023), by weights and by activations, and points on the lines to the shared model, each as it is and with
// its pre-activations put right (Jordan et al., 2023). It scores nothing and decides nothing.
import {
  applyRepairGoals,
  createRandom,
  type DenseSpec,
  interpolateGoals,
  type LayerGoals,
  layoutOf,
  type Matching,
  type ModelLayout,
  matchActivations,
  matchWeights,
  permutationSpecOf,
  permuteModel,
  repairGoals,
} from '../../fusion/index.ts';
import { LearningError } from '../errors.ts';
import { kernelProduct } from '../kernel-product.ts';
import { MATCHING_STARTS, OUTPUT_DIFFERENCE_MAX, SHARES } from './constants.ts';
import type { ForeignMatching, MatchingMethod } from './foreign-model.ts';
import type { HoldOut } from './hold-out.ts';

export interface CandidateOptions {
  readonly spec: DenseSpec;
  readonly shared: Float32Array;
  readonly foreign: Float32Array;
  readonly holdOut: HoldOut;
  readonly seed: string;
  /** The shared model has learnt something: points between and its activations mean something. */
  readonly isTrained: boolean;
}

export interface MatchedModel {
  readonly matching: ForeignMatching;
  /** The foreign model, its units moved. */
  readonly weights: Float32Array;
}

export interface Candidate {
  readonly method: MatchingMethod;
  readonly share: number;
  readonly repaired: boolean;
  readonly weights: Float32Array;
}

/** By the weights always; by activations too where there are probes and the shared model's units have a meaning. */
export function matchForeign(options: CandidateOptions): readonly MatchedModel[] {
  const { spec, shared: reference, foreign: model, holdOut, seed, isTrained } = options;
  const layout = layoutOf(spec);
  const product = kernelProduct();
  const models = { reference, model, layout, spec: permutationSpecOf(spec), product };
  const random = createRandom(seed).fork('matching');
  const found: (readonly [MatchingMethod, Matching])[] = [
    ['weights', matchWeights({ ...models, random, starts: MATCHING_STARTS })],
  ];
  if (holdOut.probes > 0 && isTrained) {
    // The inner product is the objective that fits an average; correlation matched units of any scale, and merged worse.
    const byOutputs = { ...models, activations: holdOut.outputs, score: 'inner-product' } as const;
    found.push(['activations', matchActivations(byOutputs)]);
  }
  const before = holdOut.logits(model);
  return found.map(([method, { permutations, before: from, after: to }]) => {
    const weights = permuteModel({ weights: model, layout, spec: models.spec, permutations });
    const outputDifference = differenceOf(before, holdOut.logits(weights));
    if (!(outputDifference <= OUTPUT_DIFFERENCE_MAX)) {
      const text = `a permutation changed the outputs of the model from elsewhere by ${outputDifference}`;
      throw new LearningError('MELDMESH_LEARNING_FOREIGN', text);
    }
    const objective = { before: from.objective, after: to.objective };
    const distance = { before: Math.sqrt(from.squaredDistance), after: Math.sqrt(to.squaredDistance) };
    return { matching: { method, objective, distance, outputDifference }, weights };
  });
}

/** Largest |a − b| as a share of the largest |a|. */
function differenceOf(a: Float32Array, b: Float32Array): number {
  let [most, largest] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs(a[i] - b[i]));
    largest = Math.max(largest, Math.abs(a[i]));
  }
  return most === 0 ? 0 : most / largest;
}

/** Points on the line to each matched model. Where the shared model has learnt nothing, the matched model whole. */
export function candidatesOf(
  options: CandidateOptions,
  matched: readonly MatchedModel[],
): readonly Candidate[] {
  const { spec, shared, holdOut, isTrained } = options;
  const layout = layoutOf(spec);
  const goalsOf = (end: Float32Array): readonly LayerGoals[] =>
    repairGoals({ layout, ends: [end], preActivations: holdOut.preActivations });
  const isRepairable = holdOut.probes > 0 && isTrained;
  const from = isRepairable ? goalsOf(shared) : [];
  return matched.flatMap(({ matching: { method }, weights: end }) => {
    const to = isRepairable ? goalsOf(end) : [];
    return (isTrained ? SHARES : [1]).flatMap((share): readonly Candidate[] => {
      const weights = share === 1 ? end : between(shared, end, share);
      const plain = { method, share, repaired: false, weights };
      if (!isRepairable || share === 1) return [plain];
      const goals = interpolateGoals({ from, to, t: share });
      return [plain, { ...plain, repaired: true, weights: repaired(weights, { layout, holdOut, goals }) }];
    });
  });
}

function repaired(
  merged: Float32Array,
  by: { readonly layout: ModelLayout; readonly holdOut: HoldOut; readonly goals: readonly LayerGoals[] },
): Float32Array {
  const { layout, goals, holdOut } = by;
  return applyRepairGoals({ layout, merged, goals, preActivations: holdOut.preActivations }).weights;
}

/** (1 − share) · a + share · b. */
function between(a: Float32Array, b: Float32Array, share: number): Float32Array {
  return a.map((value, i) => (1 - share) * value + share * b[i]);
}
