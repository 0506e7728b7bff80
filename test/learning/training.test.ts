import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import {
  createRandom,
  type DenseSpec,
  initialWeights,
  layoutOf,
  parseModelName,
  toTfjsModel,
} from '../../fusion/index.ts';
import { LearningError, openLayersModel, openTrainer, type Trainer } from '../../learning/index.ts';
import { loadMnist } from '../../node/data-files.ts';
import { nodeBackend } from './node-backend.ts';
import { obviousGradient } from './obvious-network.ts';
import { blobs } from './samples.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 12,
  layers: [
    { units: 9, activation: 'relu' },
    { units: 7, activation: 'tanh' },
    { units: 4, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const data = blobs({ count: 70, inputSize: 12, classes: 4, seed: 'training' });
const settings = { learningRate: 0.05, momentum: 0.9, batch: 32, localEpochs: 1 };
const weights = initialWeights(spec, 'start');
const zeros = new Float32Array(weights.length);

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert(Math.abs(actual[i] - expected[i]) <= tolerance, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
}

/** With no momentum, learning rate 1 and all samples in one batch, the step is the gradient. */
function gradientOf(trainer: Trainer): Float32Array {
  const whole = { learningRate: 1, momentum: 0, batch: data.count, localEpochs: 1 };
  const random = createRandom('order');
  const trained = trainer.train({ weights, velocity: zeros, data, settings: whole, random });
  return trained.weights.map((value, i) => weights[i] - value);
}

for (const backend of ['cpu', 'wasm', ...nodeBackend] as const) {
  describe(`training on the ${backend} backend`, () => {
    let trainer: Trainer;
    before(async () => {
      trainer = await openTrainer({ spec, scale: 255, backend });
    });

    it('follows the gradient of a slow and obvious network', () => {
      const { gradient, loss } = obviousGradient(spec, weights, data);
      assertNear(gradientOf(trainer), gradient, 1e-6);
      assert(Math.abs(trainer.evaluate(weights, data).loss - loss) < 1e-6);
    });

    it('keeps classical momentum across rounds', () => {
      const whole = { learningRate: 0.1, momentum: 0.5, batch: data.count, localEpochs: 1 };
      const random = createRandom('order');
      const first = trainer.train({ weights, velocity: zeros, data, settings: whole, random });
      const second = trainer.train({ ...first, data, settings: whole, random });
      const v1 = obviousGradient(spec, weights, data).gradient;
      const w1 = v1.map((v, i) => weights[i] - 0.1 * v);
      const v2 = obviousGradient(spec, w1, data).gradient.map((g, i) => 0.5 * v1[i] + g);
      assertNear(second.velocity, v2, 1e-5);
      assertNear(
        second.weights,
        w1.map((w, i) => w - 0.1 * v2[i]),
        1e-5,
      );
    });

    it('drops the last partial batch, and makes one batch of too few samples', () => {
      const run = (batch: number, localEpochs: number) =>
        trainer.train({
          weights,
          velocity: zeros,
          data,
          settings: { ...settings, batch, localEpochs },
          random: createRandom('a'),
        }).steps;
      assert.deepEqual([run(32, 1), run(32, 3), run(70, 1), run(71, 1)], [2, 6, 1, 1]);
    });

    it('gives the same bits for the same seed, others for another', () => {
      const run = (seed: string) =>
        trainer.train({ weights, velocity: zeros, data, settings, random: createRandom(seed) }).weights;
      assert.deepEqual(run('a'), run('a'));
      assert.notDeepEqual(run('a'), run('b'));
    });

    it('leaves no tensor behind after 200 steps and an evaluation', () => {
      const before = tf.memory().numTensors;
      const long = { ...settings, localEpochs: 100 };
      const trained = trainer.train({
        weights,
        velocity: zeros,
        data,
        settings: long,
        random: createRandom('a'),
      });
      assert.equal(trained.steps, 200);
      trainer.evaluate(trained.weights, data);
      trainer.predict(trained.weights, data);
      assert.equal(tf.memory().numTensors, before);
      assert(trained.loss < trainer.evaluate(weights, data).loss);
    });

    it('says so when it diverges, and leaves no tensor behind', () => {
      const before = tf.memory().numTensors;
      const wild = { ...settings, learningRate: 1e38, localEpochs: 5 };
      const run = () =>
        trainer.train({ weights, velocity: zeros, data, settings: wild, random: createRandom('a') });
      assert.throws(
        run,
        (error: unknown) => error instanceof LearningError && error.code === 'MELDMESH_LEARNING_DIVERGED',
      );
      assert.equal(tf.memory().numTensors, before);
    });

    it('predicts what a model of TensorFlow.js layers predicts, built by hand or from the exported file', async () => {
      const model = await openLayersModel(spec, weights);
      const { loadLayersModel } = await import('@tensorflow/tfjs-layers');
      const { modelJson, weightsBin } = toTfjsModel(spec, weights);
      const file = JSON.parse(modelJson);
      const loaded = await loadLayersModel({
        load: async () => ({
          modelTopology: file.modelTopology,
          weightSpecs: file.weightsManifest[0].weights,
          weightData: weightsBin.slice().buffer,
        }),
      });
      const inputs = tf.tensor2d(
        Float32Array.from(data.inputs, (byte) => byte / 255),
        [data.count, 12],
      );
      for (const layersModel of [model, loaded]) {
        const probabilities = tf.tidy(() => tf.softmax(layersModel.predict(inputs) as tf.Tensor).dataSync());
        assertNear(trainer.predict(weights, data), probabilities, 1e-6);
        layersModel.dispose();
      }
      inputs.dispose();
    });
  });
}

describe('all backends', () => {
  it('agree to 1e-5 after 20 steps of MNIST', async () => {
    const { train } = loadMnist({ samples: 640, testSamples: 1 });
    const mlp = parseModelName('mlp:32', { inputs: 784, classes: 10 });
    assert(mlp !== undefined);
    const start = initialWeights(mlp, 'agree');
    const results: Float32Array[] = [];
    for (const backend of ['cpu', 'wasm', ...nodeBackend] as const) {
      const trainer = await openTrainer({ spec: mlp, scale: 255, backend });
      const velocity = new Float32Array(layoutOf(mlp).size);
      const round = { weights: start, velocity, data: train, settings, random: createRandom('order') };
      const trained = trainer.train(round);
      assert.equal(trained.steps, 20);
      results.push(trained.weights);
    }
    for (const result of results.slice(1)) assertNear(results[0], result, 1e-5);
  });
});

describe('real digits', () => {
  it('are told apart by more than 80 % after two epochs over 2,000 of them', async () => {
    const { train, test } = loadMnist({ samples: 2_000, testSamples: 2_000 });
    const mlp = parseModelName('mlp:256', { inputs: 784, classes: 10 });
    assert(mlp !== undefined);
    const trainer = await openTrainer({ spec: mlp, scale: 255, backend: 'wasm' });
    const start = initialWeights(mlp, 'digits');
    const two = { ...settings, localEpochs: 2 };
    const random = createRandom('order');
    const velocity = new Float32Array(start.length);
    const trained = trainer.train({ weights: start, velocity, data: train, settings: two, random });
    const { accuracy } = trainer.evaluate(trained.weights, test);
    assert(accuracy > 0.8, `${accuracy}`);
  });
});
