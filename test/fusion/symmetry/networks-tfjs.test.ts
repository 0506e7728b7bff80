import assert from 'node:assert/strict';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { layers, type Sequential, sequential } from '@tensorflow/tfjs-layers';
import { createRandom } from '../../../fusion/random.ts';
import { inferSpec } from '../../../fusion/symmetry/infer.ts';
import { proveSpec } from '../../../fusion/symmetry/prove.ts';
import type { ModelLayout } from '../../../fusion/types.ts';
import { CNN_TFJS, DEPTHWISE_TFJS, LSTM_TFJS } from './support/convolutional.ts';
import { layoutOfShapes, picture, rows, tensorsOf, weightsOf } from './support/tiny-model.ts';

// Backends count alike only to float32, so what is compared is too.
const TOLERANCE = 1e-5;

const relu = 'relu' as const;
/** The picture of the tiny networks, channels last. */
const image = (): tf.Tensor => tf.expandDims(tf.transpose(tf.tensor3d(picture(2, 6)), [1, 2, 0]), 0);
const sequence = (): tf.Tensor => tf.expandDims(tf.tensor2d(rows(5, 3)), 0);

const cnn = (): Sequential =>
  sequential({
    layers: [
      layers.conv2d({ name: 'conv2d', filters: 4, kernelSize: 3, inputShape: [6, 6, 2] }),
      layers.batchNormalization({ name: 'batch_normalization', epsilon: 1e-5 }),
      layers.activation({ activation: relu }),
      layers.conv2d({ name: 'conv2d_1', filters: 6, kernelSize: 3, activation: relu }),
      layers.flatten(),
      layers.dense({ name: 'dense', units: 8, activation: relu }),
      layers.dense({ name: 'dense_1', units: 3 }),
    ],
  });

const depthwise = (): Sequential => {
  const plain = { activation: relu, useBias: false };
  return sequential({
    layers: [
      layers.conv2d({ name: 'conv2d', filters: 4, kernelSize: 3, inputShape: [6, 6, 2], ...plain }),
      layers.depthwiseConv2d({ name: 'depthwise_conv2d', kernelSize: 3, depthMultiplier: 2, ...plain }),
      layers.conv2d({ name: 'conv2d_1', filters: 5, kernelSize: 1, ...plain }),
      layers.globalAveragePooling2d({}),
      layers.dense({ name: 'dense', units: 3 }),
    ],
  });
};

const lstm = (): Sequential =>
  sequential({
    layers: [
      layers.lstm({
        name: 'lstm',
        units: 4,
        recurrentActivation: 'sigmoid',
        recurrentInitializer: 'zeros',
        inputShape: [5, 3],
      }),
      layers.dense({ name: 'dense', units: 3 }),
    ],
  });

function layoutOfModel(model: Sequential): ModelLayout {
  return layoutOfShapes(
    Object.fromEntries(model.weights.map(({ originalName, shape }) => [originalName, shape.map(Number)])),
  );
}

function outputsOf(model: Sequential, inputs: () => tf.Tensor) {
  const layout = layoutOfModel(model);
  return (weights: Float32Array): number[] =>
    tf.tidy(() => {
      const read = tensorsOf(layout, weights);
      for (const weight of model.weights) {
        const { shape, data } = read(weight.originalName);
        weight.write(tf.tensor([...data], [...shape]));
      }
      const outputs = model.predict(inputs());
      assert(!Array.isArray(outputs));
      return [...outputs.dataSync()];
    });
}

describe('tiny networks in the layout of TensorFlow.js', () => {
  const cases = [
    { network: CNN_TFJS, build: cnn, inputs: image },
    { network: DEPTHWISE_TFJS, build: depthwise, inputs: image },
    { network: LSTM_TFJS, build: lstm, inputs: sequence },
  ];
  for (const { network, build, inputs } of cases) {
    it(`${network.name} gives what TensorFlow.js gives`, () => {
      const model = build();
      const layout = layoutOfShapes(network.shapes);
      const shapesOf = ({ tensors }: ModelLayout) => new Map(tensors.map(({ name, shape }) => [name, shape]));
      assert.deepEqual(shapesOf(layoutOfModel(model)), shapesOf(layout));
      const own = network.forward(tensorsOf(layout, weightsOf(layout)));
      // In the order of the model's own layout, which is another one.
      const theirs = layoutOfModel(model);
      const weights = new Float32Array(theirs.size);
      for (const { name, offset } of theirs.tensors)
        weights.set(tensorsOf(layout, weightsOf(layout))(name).data, offset);
      const outputs = outputsOf(model, inputs)(weights);
      for (const [i, value] of own.entries())
        assert(Math.abs(value - outputs[i]) < TOLERANCE, `${value} is not ${outputs[i]}`);
    });
  }

  it('have symmetries under the names that TensorFlow.js gives by itself', () => {
    const model = sequential({
      layers: [
        layers.conv2d({ filters: 4, kernelSize: 3, inputShape: [6, 6, 2] }),
        layers.batchNormalization(),
        layers.conv2d({ filters: 5, kernelSize: 3, activation: relu }),
        layers.batchNormalization(),
        layers.flatten(),
        layers.dense({ units: 8, activation: relu }),
        layers.dense({ units: 3 }),
      ],
    });
    const layout = layoutOfModel(model);
    const { spec } = inferSpec(layout);
    assert.equal(spec.permutations.length, 3);
    const common = { weights: weightsOf(layout), layout, outputs: outputsOf(model, image) };
    const proof = proveSpec({ ...common, spec, random: createRandom('tfjs') });
    assert(proof.holds, JSON.stringify(proof));
    assert.deepEqual(proof.unmoved, []);
    const [first, ...others] = spec.permutations;
    const wrong = { ...spec, permutations: [{ ...first, axes: first.axes.slice(1) }, ...others] };
    const untouched = [...spec.untouched, first.axes[0].tensor];
    const refuted = proveSpec({ ...common, spec: { ...wrong, untouched }, random: createRandom('tfjs') });
    assert.deepEqual(refuted.breaking, [first.name]);
  });
});
