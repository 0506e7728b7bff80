// The same dense stack as a model of TensorFlow.js layers, for those who want to go on with it there.
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { type DenseSpec, layoutOf } from '../fusion/index.ts';

/**
 * A sequential model with layers named as the tensors are (`dense_0` …) that gives logits. It holds `weights`, a
 * flat vector in tensor order. A backend must be running; the caller disposes the model.
 */
export function buildLayersModel(spec: DenseSpec, weights: Float32Array): layers.Sequential {
  const model = layers.sequential();
  for (const [index, { units, activation }] of spec.layers.entries()) {
    const inputShape = index === 0 ? [spec.inputs] : undefined;
    model.add(layers.layers.dense({ name: `dense_${index}`, units, activation, inputShape }));
  }
  const tensors = layoutOf(spec).tensors.map(({ shape, offset, size }) =>
    tf.tensor(weights.slice(offset, offset + size), [...shape]),
  );
  model.setWeights(tensors);
  tf.dispose(tensors);
  return model;
}
