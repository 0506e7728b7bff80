export { type AttentionShape, type AttentionUnits, attentionUnits } from './attention.ts';
export { checkSpec } from './check.ts';
export { permutationSpecOf } from './dense-model.ts';
export { type Dialect, TFJS, TORCH, TORCH_TRANSPOSED } from './dialect.ts';
export type { InferenceOptions } from './families/family.ts';
export { depthwise, groupedConvolution, unitsAlikeInGroups } from './grouped-convolution.ts';
export { type InferredSpec, inferSpec } from './infer.ts';
export { dense, type Ends, embedding, groupedUnits, groupNorm, norm, recurrent } from './layers.ts';
export type {
  PermutationOfUnits,
  PermutationSpec,
  Permutations,
  PermutedAxis,
} from './permutation-spec.ts';
export {
  checkPermutations,
  composePermutations,
  identityPermutations,
  invertPermutations,
  randomPermutations,
} from './permutations.ts';
export { type PermuteOptions, permuteModel } from './permute.ts';
export { type ProofOptions, proveSpec, type SpecProof } from './prove.ts';
export { type NewUnits, type Place, SpecDraft } from './spec-draft.ts';
export { permutationSpecSchema, readSpecFile, writeSpecFile } from './spec-file.ts';
export {
  FIXED,
  type Flattening,
  flattened,
  joined,
  overlaid,
  repeated,
  type Units,
  widened,
} from './units.ts';
