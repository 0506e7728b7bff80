// The usual way to train with TensorFlow.js: a LayersModel and `trainOnBatch`. Used on the stock backends, and on the
// WASM backend with our kernels in it.
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import type { Dataset } from '../../../learning/index.ts';
import type { Workload } from './workloads.ts';

/** Runs one epoch in order; gives the last loss. */
export function layersEpoch(
  workload: Workload,
  data: Dataset,
  optimizer?: tf.Optimizer,
): () => Promise<number> {
  const { spec, settings } = workload;
  const model = layers.sequential();
  for (const [index, { units, activation }] of spec.layers.entries()) {
    model.add(
      layers.layers.dense({ units, activation, inputShape: index === 0 ? [spec.inputs] : undefined }),
    );
  }
  const { learningRate, momentum, batch } = settings;
  const stock = momentum === 0 ? tf.train.sgd(learningRate) : tf.train.momentum(learningRate, momentum);
  model.compile({
    optimizer: optimizer ?? stock,
    loss: (labels, logits) => tf.losses.softmaxCrossEntropy(labels, logits),
  });
  const values = Float32Array.from(data.inputs, (byte) => byte / data.scale);
  const oneHot = new Float32Array(data.count * data.classes);
  for (let i = 0; i < data.count; i++) oneHot[i * data.classes + data.labels[i]] = 1;
  return async () => {
    let loss = 0;
    for (let start = 0; start + batch <= data.count; start += batch) {
      const x = tf.tensor2d(values.slice(start * spec.inputs, (start + batch) * spec.inputs), [
        batch,
        spec.inputs,
      ]);
      const y = tf.tensor2d(oneHot.slice(start * data.classes, (start + batch) * data.classes), [
        batch,
        data.classes,
      ]);
      loss = Number(await model.trainOnBatch(x, y));
      tf.dispose([x, y]);
    }
    return loss;
  };
}
