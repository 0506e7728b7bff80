// The door of the room.
export { assert } from './assert.ts';
export { MAGNITUDE_MAX } from './codecs/magnitude.ts';
export { codecNamed, codecNames } from './codecs/registry.ts';
export { compressWithFeedback, isFiniteVector, takeBack } from './error-feedback.ts';
export { applyGeneration, type GenerationPart } from './generation.ts';
export { createModelLine, type ModelLine, type ModelLineOptions, type ModelSnapshot } from './model-line.ts';
export { denseSpecSchema, initialWeights, layoutOf, PARAMETERS_MAX, parseModelName } from './model-spec.ts';
export { createRandom, restoreRandom } from './random.ts';
export {
  decodeSafetensors,
  encodeSafetensors,
  type NamedTensor,
  type SafetensorsFile,
} from './safetensors.ts';
export { fromTfjsModel, TFJS_WEIGHTS_FILE, toTfjsModel } from './tfjs-model-file.ts';
export type { Codec, DenseSpec, ModelLayout, Random, TensorLayout } from './types.ts';
