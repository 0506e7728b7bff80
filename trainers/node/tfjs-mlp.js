/**
 * A complete trainer in TensorFlow.js: the mesh's dense layers, softmax cross-entropy, SGD with momentum.
 *
 *     npm install @tensorflow/tfjs-core @tensorflow/tfjs-layers @tensorflow/tfjs-backend-cpu
 *     meldmesh join --manifest mesh.yaml --data mnist --trainer "node trainers/node/tfjs-mlp.js"
 *
 * It trains on the node's --data. Import another backend (tfjs-backend-wasm, tfjs-node) where you want its speed.
 */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { layers, sequential } from '@tensorflow/tfjs-layers';
import { run } from './meldmesh-trainer.js';

/**
 * @typedef {import('./meldmesh-trainer.js').Mesh} Mesh
 * @typedef {import('./meldmesh-trainer.js').Job} Job
 * @typedef {import('./meldmesh-trainer.js').Samples} Samples
 * @typedef {import('./meldmesh-trainer.js').Weights} Weights
 */

class TfjsTrainer {
  name = 'tfjs';

  /**
   * @param {Mesh} mesh
   * @param {Samples} training
   * @param {Samples | undefined} test
   */
  constructor(mesh, training, test) {
    this.mesh = mesh;
    this.training = training;
    this.samples = training.count;
    this.evaluate = test && ((/** @type {Weights} */ weights) => this.score(weights, test));
    this.model = sequential();
    for (const [index, { units, activation }] of mesh.model.layers.entries()) {
      const kind = /** @type {'relu' | 'tanh' | 'linear'} */ (activation);
      const inputShape = index === 0 ? [mesh.data.inputs] : undefined;
      this.model.add(layers.dense({ units, activation: kind, inputShape }));
    }
    this.reset();
  }

  /** A new optimizer forgets the momentum; otherwise it goes on from round to round, as in the mesh's own trainer. */
  reset() {
    const { learningRate, momentum } = this.mesh.training;
    this.model.compile({ optimizer: tf.train.momentum(learningRate, momentum), loss });
  }

  /**
   * @param {Weights} weights
   * @param {Job} job
   */
  async train(weights, job) {
    this.load(weights);
    let total = 0;
    let step = 0;
    for (const chosen of job.batches(this.samples)) {
      const [inputs, expected] = this.batch(this.training, chosen);
      const batchLoss = Number(await this.model.trainOnBatch(inputs, expected));
      tf.dispose([inputs, expected]);
      total += batchLoss;
      await job.progress(++step, batchLoss);
    }
    const tensors = this.model.getWeights().map((tensor, index) => {
      const { name, shape } = this.mesh.tensors[index];
      return /** @type {const} */ ([name, { shape, data: Float32Array.from(tensor.dataSync()) }]);
    });
    return { weights: new Map(tensors), loss: total / job.steps };
  }

  /**
   * @param {Weights} weights
   * @param {Samples} samples
   */
  score(weights, samples) {
    this.load(weights);
    return tf.tidy(() => {
      const [inputs, expected] = this.batch(
        samples,
        Uint32Array.from(samples.labels, (_, i) => i),
      );
      const logits = /** @type {tf.Tensor} */ (this.model.predict(inputs));
      const hits = tf.equal(tf.argMax(logits, 1), tf.argMax(expected, 1));
      return {
        accuracy: tf.sum(tf.cast(hits, 'int32')).dataSync()[0] / samples.count,
        loss: loss(expected, logits).dataSync()[0],
      };
    });
  }

  /**
   * Kernel [inputs, units], bias, kernel … : the mesh's order and shapes are those of TensorFlow.js.
   * @param {Weights} weights
   */
  load(weights) {
    tf.tidy(() =>
      this.model.setWeights([...weights.values()].map(({ data, shape }) => tf.tensor(data, shape))),
    );
  }

  /**
   * Inputs and one-hot labels of the chosen samples.
   * @param {Samples} samples
   * @param {Uint32Array} chosen
   * @returns {[tf.Tensor2D, tf.Tensor2D]}
   */
  batch({ inputs, labels }, chosen) {
    const { inputs: size, classes } = this.mesh.data;
    const values = new Float32Array(chosen.length * size);
    const hot = new Float32Array(chosen.length * classes);
    for (const [row, index] of chosen.entries()) {
      values.set(inputs.subarray(index * size, (index + 1) * size), row * size);
      hot[row * classes + labels[index]] = 1;
    }
    return [tf.tensor2d(values, [chosen.length, size]), tf.tensor2d(hot, [chosen.length, classes])];
  }
}

/**
 * @param {tf.Tensor} expected
 * @param {tf.Tensor} logits
 * @returns {tf.Scalar}
 */
function loss(expected, logits) {
  return tf.losses.softmaxCrossEntropy(expected, logits);
}

tf.enableProdMode();
await run(async (mesh) => {
  const [training, test] = await Promise.all([mesh.samples(), mesh.test()]);
  if (training === undefined) throw new Error('give the node --data, or load your own samples here');
  return new TfjsTrainer(mesh, training, test);
});
