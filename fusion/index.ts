// The door of the room.
export { assert } from './assert.ts';
export { MAGNITUDE_MAX } from './codecs/magnitude.ts';
export { codecNamed, codecNames } from './codecs/registry.ts';
export * from './connectivity/index.ts';
export { compressWithFeedback, isFiniteVector, takeBack } from './error-feedback.ts';
export { FusionError, type FusionErrorCode } from './errors.ts';
export { applyGeneration, type GenerationPart, generationRule } from './generation.ts';
export * from './matching/index.ts';
export type { Activations, Evaluate, Evaluation, Gradient, LossGradient } from './model-functions.ts';
export { createModelLine, type ModelLine, type ModelLineOptions, type ModelSnapshot } from './model-line.ts';
export { denseSpecSchema, initialWeights, layoutOf, PARAMETERS_MAX, parseModelName } from './model-spec.ts';
export { createRandom, restoreRandom } from './random.ts';
export * from './repair/index.ts';
export * from './robust/index.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  type OpaqueTensor,
  type SafetensorsFile,
} from './safetensors.ts';
export * from './symmetry/index.ts';
export { fromTfjsModel, TFJS_WEIGHTS_FILE, toTfjsModel } from './tfjs-model-file.ts';
export type { Codec, DenseSpec, ModelLayout, Random, TensorLayout } from './types.ts';
