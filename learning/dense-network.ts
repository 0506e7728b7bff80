// Forward and backward pass of a stack of dense layers on whatever TensorFlow.js backend is running. Written out
// instead of taped: the WASM backend multiplies fast only what is not transposed, so each transpose is a step of
// its own, and a step at batch 32 would pay about a third for the tape. It knows neither data sets nor rounds.
import * as tf from '@tensorflow/tfjs-core';
import type { DenseSpec, ModelLayout } from '../fusion/index.ts';

type Activation = DenseSpec['layers'][number]['activation'];

/** Kernel [inputs, units] and bias [units]; a type, not an interface, so that `tf.tidy` accepts it. */
export type DenseLayer = { readonly kernel: tf.Tensor2D; readonly bias: tf.Tensor1D };

/** Layers over a flat float32 vector in the order of the layout: kernel, bias, kernel, bias … */
export function layersFromFlat(flat: Float32Array, layout: ModelLayout): DenseLayer[] {
  const layers: DenseLayer[] = [];
  for (let i = 0; i < layout.tensors.length; i += 2) {
    const [kernel, bias] = [layout.tensors[i], layout.tensors[i + 1]];
    layers.push({
      kernel: tf.tensor2d(part(flat, kernel), [kernel.shape[0], kernel.shape[1]]),
      bias: tf.tensor1d(part(flat, bias)),
    });
  }
  return layers;
}

/** A copy: some backends hold on to the array that they are given. */
function part(flat: Float32Array, tensor: { readonly offset: number; readonly size: number }): Float32Array {
  return flat.slice(tensor.offset, tensor.offset + tensor.size);
}

export function flatFromLayers(
  layers: readonly DenseLayer[],
  layout: ModelLayout,
): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(layout.size);
  for (const [index, layer] of layers.entries()) {
    flat.set(layer.kernel.dataSync<'float32'>(), layout.tensors[2 * index].offset);
    flat.set(layer.bias.dataSync<'float32'>(), layout.tensors[2 * index + 1].offset);
  }
  return flat;
}

export function disposeLayers(layers: readonly DenseLayer[]): void {
  for (const { kernel, bias } of layers) tf.dispose([kernel, bias]);
}

/**
 * The input of every layer and, last, the logits: layers.length + 1 tensors of [batch, …]. Call within `tf.tidy`.
 */
export function forward(layers: readonly DenseLayer[], spec: DenseSpec, inputs: tf.Tensor2D): tf.Tensor2D[] {
  const values = [inputs];
  for (const [index, { kernel, bias }] of layers.entries()) {
    const { activation } = spec.layers[index];
    const fused = activation === 'relu' ? 'relu' : 'linear';
    const options = { a: values[index], b: kernel, bias, activation: fused } as const;
    // Two matrices give a matrix; the library's type says only that it is some tensor.
    const sums = tf.fused.matMul(options) as tf.Tensor2D;
    values.push(activation === 'tanh' ? tf.tanh(sums) : sums);
  }
  return values;
}

/**
 * Gradients of all layers from what `forward` gave and the loss's gradient by the network's outputs. Call within
 * `tf.tidy`.
 */
export function backward(
  layers: readonly DenseLayer[],
  spec: DenseSpec,
  pass: { readonly values: readonly tf.Tensor2D[]; readonly outputGradient: tf.Tensor2D },
): DenseLayer[] {
  const gradients: DenseLayer[] = [];
  let gradient = pass.outputGradient;
  for (let index = layers.length - 1; index >= 0; index--) {
    const sumsGradient = throughActivation(gradient, pass.values[index + 1], spec.layers[index].activation);
    gradients.unshift({
      kernel: tf.matMul(tf.transpose(pass.values[index]), sumsGradient),
      bias: tf.sum(sumsGradient, 0),
    });
    // Nobody asks for the gradient by the data.
    if (index > 0) gradient = tf.matMul(sumsGradient, tf.transpose(layers[index].kernel));
  }
  return gradients;
}

/** The derivative of each activation is a function of its output. */
function throughActivation(gradient: tf.Tensor2D, output: tf.Tensor2D, activation: Activation): tf.Tensor2D {
  switch (activation) {
    case 'linear':
      return gradient;
    case 'relu':
      return tf.mul(gradient, tf.cast(tf.greater(output, 0), 'float32'));
    case 'tanh':
      return tf.mul(gradient, tf.sub(1, tf.mul(output, output)));
  }
}
