// From a model specification to its flat vector: names, shapes, offsets, first weights. It knows no framework.
import { z } from 'zod';
import { assert } from './assert.ts';
import { createRandom } from './random.ts';
import type { DenseSpec, ModelLayout, TensorLayout } from './types.ts';

/** 1 GiB of float32: beyond it one flat vector is no longer a reasonable thing to gossip or to hold. */
export const PARAMETERS_MAX = 2 ** 28;

const positive = z.number().int().positive();

/** A `DenseSpec` from anywhere outside; unknown keys are refused, and so is a model over `PARAMETERS_MAX`. */
export const denseSpecSchema = z
  .strictObject({
    kind: z.literal('dense'),
    inputs: positive.max(1_000_000),
    layers: z
      .array(
        z.strictObject({
          units: positive.max(100_000),
          activation: z.enum(['relu', 'tanh', 'linear']),
        }),
      )
      .min(1)
      .max(64),
    loss: z.literal('softmax-cross-entropy'),
  })
  .refine((spec) => parametersOf(spec) <= PARAMETERS_MAX, {
    message: `a model has at most ${PARAMETERS_MAX} parameters`,
  });

function parametersOf(spec: DenseSpec): number {
  let total = 0;
  let inputs = spec.inputs;
  for (const layer of spec.layers) {
    total += (inputs + 1) * layer.units;
    inputs = layer.units;
  }
  return total;
}

/** Layer i gives `dense_i/kernel` [inputs, units] in row-major order, then `dense_i/bias` [units]. */
export function layoutOf(spec: DenseSpec): ModelLayout {
  assert(parametersOf(spec) <= PARAMETERS_MAX, 'the model was accepted by denseSpecSchema');
  const tensors: TensorLayout[] = [];
  let offset = 0;
  const push = (name: string, shape: readonly number[]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    tensors.push({ name, shape, offset, size });
    offset += size;
  };
  let inputs = spec.inputs;
  for (const [index, { units }] of spec.layers.entries()) {
    push(`dense_${index}/kernel`, [inputs, units]);
    push(`dense_${index}/bias`, [units]);
    inputs = units;
  }
  return { tensors, size: offset };
}

/**
 * `mlp:A` or `mlp:A,B,…`: hidden ReLU layers of that many units and a linear one of `classes` logits.
 * `undefined` for any other text and for a model that `denseSpecSchema` refuses.
 */
export function parseModelName(
  name: string,
  ends: { readonly inputs: number; readonly classes: number },
): DenseSpec | undefined {
  const match = /^mlp:([1-9]\d*(?:,[1-9]\d*)*)$/.exec(name);
  if (match === null) return undefined;
  const hidden = match[1].split(',').map((units) => ({ units: Number(units), activation: 'relu' }));
  const parsed = denseSpecSchema.safeParse({
    kind: 'dense',
    inputs: ends.inputs,
    layers: [...hidden, { units: ends.classes, activation: 'linear' }],
    loss: 'softmax-cross-entropy',
  });
  return parsed.success ? parsed.data : undefined;
}

/**
 * The common start of all members, flat float32. Kernels are Glorot-uniform (Glorot and Bengio, 2010): each
 * value is round32((2u − 1) · √(6 / (inputs + units))), u drawn in row-major order from the seed's fork of the
 * tensor's name. Biases are zero. Uniform on purpose: a Gaussian needs logarithms, which differ by engine.
 */
export function initialWeights(spec: DenseSpec, seed: string): Float32Array {
  const layout = layoutOf(spec);
  const weights = new Float32Array(layout.size);
  const random = createRandom(seed);
  for (const { name, shape, offset, size } of layout.tensors) {
    if (shape.length !== 2) continue;
    const limit = Math.sqrt(6 / (shape[0] + shape[1]));
    const stream = random.fork(name);
    for (let i = offset; i < offset + size; i++) weights[i] = Math.fround((2 * stream.float() - 1) * limit);
  }
  return weights;
}
