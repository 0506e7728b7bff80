// Between flat weights with their spec and the two files of a TensorFlow.js layers model. Pure text and bytes; the
// framework itself is not needed and not known here.
import { z } from 'zod';
import { assert } from './assert.ts';
import { denseSpecSchema, layoutOf } from './model-spec.ts';
import type { DenseSpec } from './types.ts';

/** Where `model.json` expects its weights, next to itself. */
export const TFJS_WEIGHTS_FILE = 'weights.bin';

/** A model that `tf.loadLayersModel` reads: a Sequential of Dense layers whose last one gives logits. */
export function toTfjsModel(
  spec: DenseSpec,
  weights: Float32Array,
): { readonly modelJson: string; readonly weightsBin: Uint8Array } {
  const layout = layoutOf(spec);
  assert(weights.length === layout.size, 'the weights have the layout of the spec');
  const layers = spec.layers.map(({ units, activation }, index) => ({
    class_name: 'Dense',
    config: {
      name: `dense_${index}`,
      units,
      activation,
      use_bias: true,
      trainable: true,
      dtype: 'float32',
      ...(index === 0 ? { batch_input_shape: [null, spec.inputs] } : {}),
    },
  }));
  const modelJson = JSON.stringify({
    format: 'layers-model',
    generatedBy: 'meldmesh',
    convertedBy: null,
    modelTopology: {
      class_name: 'Sequential',
      config: { name: 'meldmesh', layers },
      keras_version: 'tfjs-layers 4.22.0',
      backend: 'tensor_flow.js',
    },
    weightsManifest: [
      {
        paths: [TFJS_WEIGHTS_FILE],
        weights: layout.tensors.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  });
  const weightsBin = new Uint8Array(layout.size * 4);
  const view = new DataView(weightsBin.buffer);
  for (let i = 0; i < weights.length; i++) view.setFloat32(i * 4, weights[i], true);
  return { modelJson, weightsBin };
}

// Other writers add keys of their own (initialisers, regularisers); they say nothing about a trained model.
const layerSchema = z.object({
  class_name: z.string(),
  config: z.object({
    name: z.string(),
    units: z.number().optional(),
    activation: z.string().optional(),
    use_bias: z.boolean().optional(),
    batch_input_shape: z.array(z.number().nullable()).optional(),
  }),
});
const layersSchema = z.array(layerSchema).max(256);
const sequentialSchema = z.object({
  class_name: z.literal('Sequential'),
  config: z.union([layersSchema, z.object({ layers: layersSchema })]),
});
const fileSchema = z.object({
  format: z.literal('layers-model').optional(),
  modelTopology: z.union([sequentialSchema, z.object({ model_config: sequentialSchema })]),
  weightsManifest: z
    .array(
      z.object({
        weights: z
          .array(
            z.object({
              name: z.string(),
              shape: z.array(z.number().int().nonnegative()),
              dtype: z.literal('float32'),
              quantization: z.never('quantised weights are not read').optional(),
            }),
          )
          .max(1024),
      }),
    )
    .max(1024),
});
type Layer = z.infer<typeof layerSchema>;

/**
 * The spec and flat weights of a TensorFlow.js layers model, `weightsBin` being its weight files one after the
 * other; or in one sentence why it is not a stack of dense layers that meldmesh can go on with. A softmax
 * at the end is left off: the loss takes logits.
 */
export function fromTfjsModel(
  modelJson: string,
  weightsBin: Uint8Array,
): { readonly spec: DenseSpec; readonly weights: Float32Array } | { readonly error: string } {
  let json: unknown;
  try {
    json = JSON.parse(modelJson);
  } catch {
    return { error: 'model.json is not JSON' };
  }
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { error: `model.json is not a sequential layers model: ${issue.path.join('.')} ${issue.message}` };
  }
  const { modelTopology, weightsManifest } = parsed.data;
  const { config } = 'model_config' in modelTopology ? modelTopology.model_config : modelTopology;
  const stack = readStack(Array.isArray(config) ? config : config.layers);
  if ('error' in stack) return stack;
  const { spec, names } = stack;

  const tensors = new Map<string, { readonly shape: readonly number[]; readonly at: number }>();
  let at = 0;
  for (const { name, shape } of weightsManifest.flatMap(({ weights }) => weights)) {
    if (tensors.has(name)) return { error: `model.json names the weights ${JSON.stringify(name)} twice` };
    tensors.set(name, { shape, at });
    at += shape.reduce((product, length) => product * length, 4);
  }
  if (at !== weightsBin.length) return { error: `the weights have ${weightsBin.length} bytes, not ${at}` };

  const layout = layoutOf(spec);
  const weights = new Float32Array(layout.size);
  const view = new DataView(weightsBin.buffer, weightsBin.byteOffset, weightsBin.length);
  for (const [index, { shape, offset, size }] of layout.tensors.entries()) {
    const name = `${names[index >> 1]}/${shape.length === 2 ? 'kernel' : 'bias'}`;
    const found = tensors.get(name);
    if (found === undefined) return { error: `the weights ${JSON.stringify(name)} are missing` };
    if (found.shape.join() !== shape.join()) return { error: `${JSON.stringify(name)} has the wrong shape` };
    tensors.delete(name);
    for (let i = 0; i < size; i++) weights[offset + i] = view.getFloat32(found.at + i * 4, true);
  }
  if (tensors.size > 0)
    return { error: `no layer wants the weights ${JSON.stringify([...tensors.keys()][0])}` };
  return { spec, weights };
}

/** The spec of a list of layers, and the layers' own names by which their weights are found. */
function readStack(layers: readonly Layer[]): { spec: DenseSpec; names: string[] } | { error: string } {
  const shape = layers[0]?.config.batch_input_shape;
  if (shape?.length !== 2) return { error: 'the first layer does not take flat rows' };
  const dense = layers.filter(({ class_name }, index) => !(class_name === 'InputLayer' && index === 0));
  for (const { class_name, config } of dense) {
    const said = JSON.stringify(config.name);
    if (class_name !== 'Dense')
      return { error: `layer ${said} is no Dense layer but ${JSON.stringify(class_name)}` };
    if (config.use_bias === false) return { error: `layer ${said} has no bias` };
  }
  const parsed = denseSpecSchema.safeParse({
    kind: 'dense',
    inputs: shape[1],
    layers: dense.map(({ config: { units, activation = 'linear' } }, index) => ({
      units,
      activation: activation === 'softmax' && index === dense.length - 1 ? 'linear' : activation,
    })),
    loss: 'softmax-cross-entropy',
  });
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { error: `the layers do not make a model of ours: ${issue.path.join('.')} ${issue.message}` };
  }
  return { spec: parsed.data, names: dense.map(({ config }) => config.name) };
}
