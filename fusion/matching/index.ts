// The door of matching.
export {
  type ActivationMatching,
  type ActivationMatchingOptions,
  type ActivationScore,
  type MatchedPlace,
  matchActivations,
} from './activation-matching.ts';
export { type Assignment, type AssignmentProblem, assign } from './assignment.ts';
export type { OutputAxis } from './axis-roles.ts';
export {
  type CycleConsistentOptions,
  type FrankWolfeProgress,
  matchCycleConsistent,
  permutationsBetween,
} from './cycle-consistent.ts';
export { type MatrixProduct, multiplyRows, type RowProducts } from './matrix-product.ts';
export { type ManyModels, type MergedModels, type MergeManyOptions, mergeMany } from './merge-many.ts';
export { type Likeness, likenessOf, type MatchedModels, type Matching } from './model-pair.ts';
export { mergePartially, type PartialMatchingOptions, type ZippedModel } from './partial.ts';
export {
  type PermutationPath,
  type PermutationPathOptions,
  type PermutationPathPoint,
  slideToPermutation,
} from './permutation-points.ts';
export { type SinkhornOptions, sinkhorn, type TransportPlan } from './sinkhorn.ts';
export { matchSoftly, type SoftMatchingOptions } from './soft-matching.ts';
export {
  matchStraightThrough,
  type StraightThroughMatching,
  type StraightThroughOptions,
  type StraightThroughProgress,
} from './straight-through.ts';
export {
  type SpecifiedModel,
  type TransportedModel,
  type TransportOptions,
  transportModel,
} from './transport-fusion.ts';
export { matchWeights, type SweepProgress, type WeightMatchingOptions } from './weight-matching.ts';
export type { UnitGroups } from './zip-groups.ts';
