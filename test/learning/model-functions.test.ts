import assert from 'node:assert/strict';
import { createRandom, type DenseSpec, initialWeights, layoutOf } from '../../fusion/index.ts';
import { openTrainer } from '../../learning/index.ts';
import { openModelFunctions } from '../../learning/model-functions.ts';
import { obviousGradient } from './obvious-network.ts';
import { blobs } from './samples.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 9,
  layers: [
    { units: 7, activation: 'relu' },
    { units: 5, activation: 'tanh' },
    { units: 3, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const { size } = layoutOf(spec);
const set = (seed: string, count: number) => blobs({ count, inputSize: 9, classes: 3, seed });
const train = set('train', 25);
const test = set('test', 200);
const open = (batch: number) => openModelFunctions({ spec, scale: 255, train, test, batch, seed: 'batches' });

const close = (actual: ArrayLike<number>, expected: ArrayLike<number>, error: number) => {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert.ok(Math.abs(actual[i] - expected[i]) <= error, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
};

/** With biases that are not zero. */
function weightsOf(seed: string): Float32Array {
  const random = createRandom(seed);
  return initialWeights(spec, seed).map((value) => value + 0.2 * (random.float() - 0.5));
}

/** Inputs of every layer's activation for one sample, in float64. */
function preActivationsOf(weights: Float32Array, sample: number): number[][] {
  let values = Array.from({ length: 9 }, (_, i) => train.inputs[9 * sample + i] / 255);
  let offset = 0;
  return spec.layers.map(({ units, activation }) => {
    const bias = offset + values.length * units;
    const sums = Array.from({ length: units }, (_, unit) =>
      values.reduce(
        (sum, value, i) => sum + value * weights[offset + i * units + unit],
        weights[bias + unit],
      ),
    );
    offset = bias + units;
    values = sums.map((value) => (activation === 'relu' ? Math.max(0, value) : Math.tanh(value)));
    return sums;
  });
}

describe('a dense model as plain functions', () => {
  it('scores as the trainer does', async () => {
    const { evaluate, score } = await open(10);
    const trainer = await openTrainer({ spec, scale: 255, threads: 1, backend: 'wasm' });
    const weights = weightsOf('score');
    assert.deepEqual(evaluate(weights), trainer.evaluate(weights, test));
    assert.deepEqual(score(weights, train), trainer.evaluate(weights, train));
  });

  it('has the gradient of the textbook over all samples as one batch', async () => {
    const { gradient, stepsPerEpoch } = await open(1_000);
    const weights = weightsOf('gradient');
    const before = weights.slice();
    const expected = obviousGradient(spec, weights, train);
    const found = gradient(weights, 0);
    assert.ok(Math.abs(found.loss - expected.loss) < 1e-6);
    close(found.gradient, expected.gradient, 1e-6);
    assert.deepEqual(weights, before);
    assert.equal(stepsPerEpoch, 1);
  });

  it('takes every sample once an epoch, the same ones whenever a step is asked for again', async () => {
    const { gradient, stepsPerEpoch } = await open(5);
    assert.equal(stepsPerEpoch, 5);
    const weights = weightsOf('epoch');
    const mean = new Float64Array(size);
    const first = gradient(weights, 5).gradient.slice();
    for (let step = 5; step < 10; step++) {
      for (const [i, value] of gradient(weights, step).gradient.entries()) mean[i] += value / 5;
    }
    close(mean, obviousGradient(spec, weights, train).gradient, 1e-6);
    assert.notDeepEqual(gradient(weights, 0).gradient.slice(), first);
    assert.deepEqual(gradient(weights, 5).gradient, first);
  });

  it('shows what goes into every activation and what comes out of it', async () => {
    const { outputs, preActivations } = await open(10);
    const weights = weightsOf('inside');
    for (const [layer, { units, activation }] of spec.layers.entries()) {
      const rows = Array.from(
        { length: train.count },
        (_, sample) => preActivationsOf(weights, sample)[layer],
      );
      const inside = [...preActivations(weights, `dense_${layer}`)].flatMap((batch) => Array.from(batch));
      close(inside, rows.flat(), 1e-5);
      const after = [...outputs(weights, `dense_${layer}`)].flatMap((batch) => Array.from(batch));
      const through = { relu: (x: number) => Math.max(0, x), tanh: Math.tanh, linear: (x: number) => x };
      close(after, rows.flat().map(through[activation]), 1e-5);
      assert.equal(after.length, units * train.count);
    }
  });

  it('shows two models side by side, each as if it were alone', async () => {
    const many = set('many', 300);
    const { outputs } = await openModelFunctions({ spec, scale: 255, train: many, test, seed: 'x' });
    const models = ['left', 'right'].map(weightsOf);
    const alone = models.map((weights) => [...outputs(weights, 'dense_0')]);
    const [left, right] = models.map((weights) => outputs(weights, 'dense_0')[Symbol.iterator]());
    for (let batch = 0; batch < alone[0].length; batch++) {
      const [first, second] = [left.next(), right.next()];
      assert.deepEqual([first.value, second.value], [alone[0][batch], alone[1][batch]]);
    }
    assert.ok(alone[0].length > 1);
  });

  it('refuses data that does not fit the model', async () => {
    const narrow = blobs({ count: 4, inputSize: 3, classes: 3, seed: 'narrow' });
    await assert.rejects(openModelFunctions({ spec, scale: 255, train: narrow, test, seed: 'x' }), {
      code: 'MELDMESH_DATA_SHAPE',
    });
  });
});
