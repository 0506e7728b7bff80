// Many models at once (Ainsworth et al., 2023, algorithm 3, MergeMany): each in turn is aligned with the mean of the others,
// until none comes nearer. No model is the reference of all, but the outcome depends on the order.
import { FusionError } from '../errors.ts';
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import { identityPermutations } from '../symmetry/permutations.ts';
import { permuteModel } from '../symmetry/permute.ts';
import type { ModelLayout, Random } from '../types.ts';
import type { MatrixProduct } from './matrix-product.ts';
import { meanOf } from './model-mean.ts';
import { checkMatchedModels, likenessOf } from './model-pair.ts';
import { visitingOrder } from './visiting-order.ts';
import { matchWeights } from './weight-matching.ts';

export interface ManyModels {
  /** Flat, two or more. Not written to. */
  readonly models: readonly Float32Array[];
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
}

export interface MergeManyOptions extends ManyModels {
  readonly random: Random;
  /** Default 100. */
  readonly roundsMax?: number;
  readonly product?: MatrixProduct;
  /** After each round; for progress. */
  readonly onRound?: (progress: { readonly round: number; readonly spread: number }) => void;
}

export interface MergedModels {
  /** By model, what brings it into the common order. */
  readonly permutations: readonly Permutations[];
  /** Mean of the aligned models, statistics included: those are to be measured anew. */
  readonly merged: Float32Array;
  readonly rounds: number;
  /** Sum over pairs of the squared distance of what permutations move, before and after. */
  readonly spreadBefore: number;
  readonly spreadAfter: number;
}

const ROUNDS_MAX = 100;
/** Of the objective; what counts as nearer. */
const TOLERANCE = 1e-9;

/**
 * Rounds in random order. In each, a model moves if weight matching brings it nearer to the mean of the others than it is,
 * which lowers the spread of all. Throws a FusionError for fewer than two models, and as `matchWeights` does.
 */
export function mergeMany(options: MergeManyOptions): MergedModels {
  const { models, layout, spec, random, product, onRound, roundsMax = ROUNDS_MAX } = options;
  checkManyModels(options);
  const permutations = models.map(() => identityPermutations(spec));
  const aligned: Float32Array[] = models.map((model) => model.slice());
  const spreadBefore = spreadOf(options, aligned);
  let rounds = 0;
  for (let isMoving = true; isMoving && rounds < roundsMax; ) {
    rounds++;
    isMoving = false;
    const ofRound = random.fork(`round ${rounds}`);
    for (const index of visitingOrder(models.length, ofRound)) {
      const reference = meanOf(aligned, index);
      const initial = permutations[index];
      const pair = { reference, model: models[index], layout, spec };
      const matching = matchWeights({ ...pair, initial, product, random: ofRound.fork(`model ${index}`) });
      const rise = matching.after.objective - likenessOf(pair, initial).objective;
      if (!(rise > TOLERANCE * Math.abs(matching.after.objective))) continue;
      permutations[index] = matching.permutations;
      aligned[index] = permuteModel({
        weights: models[index],
        layout,
        spec,
        permutations: matching.permutations,
      });
      isMoving = true;
    }
    onRound?.({ round: rounds, spread: spreadOf(options, aligned) });
  }
  const spreadAfter = spreadOf(options, aligned);
  return { permutations, merged: meanOf(aligned), rounds, spreadBefore, spreadAfter };
}

/** Throws a FusionError unless there are two or more finite models of the layout, and the spec fits. */
export function checkManyModels({ models, layout, spec }: ManyModels): void {
  if (models.length < 2) {
    const message = `merging needs two models or more, not ${models.length}`;
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', message);
  }
  for (const model of models) checkMatchedModels({ reference: models[0], model, layout, spec });
}

/** Sum over pairs of the squared distances, over the tensors that permutations move. */
export function spreadOf({ layout, spec }: ManyModels, aligned: readonly Float32Array[]): number {
  let spread = 0;
  for (const [index, model] of aligned.entries()) {
    for (const reference of aligned.slice(0, index)) {
      spread += likenessOf({ reference, model, layout, spec }).squaredDistance;
    }
  }
  return spread;
}
