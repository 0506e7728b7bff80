// Dense models by operations of TensorFlow.js, on whatever backend runs on this thread. Importing this file loads
// TensorFlow.js.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import { type DenseSpec, layoutOf, type ModelLayout } from '../fusion/index.ts';
import { createBatchReader } from './batches.ts';
import type { Dataset } from './dataset.ts';
import {
  backward,
  type DenseLayer,
  disposeLayers,
  flatFromLayers,
  forward,
  layersFromFlat,
} from './dense-network.ts';
import type { Engine, Training, TrainingStart } from './engine.ts';
import { lossAndGradient } from './softmax-cross-entropy.ts';

/** Samples of one forward pass outside training: 500 digits are 1.5 MiB, and more at once is not faster. */
const INFERENCE_BATCH = 500;

/** Its backend must be running; a thread has one and keeps it. */
export function createTensorEngine(options: { readonly spec: DenseSpec; readonly scale: number }): Engine {
  const { spec, scale } = options;
  const layout = layoutOf(spec);
  const registered = tf.getBackend();
  const checkBackend = () => assert(tf.getBackend() === registered, 'one thread uses one backend');
  return {
    spec,
    layout,
    open(start) {
      checkBackend();
      return openTraining(start, { spec, layout, scale });
    },
    logits(weights, data) {
      checkBackend();
      return logitBatches(weights, { spec, layout, scale, data });
    },
  };
}

interface Model {
  readonly spec: DenseSpec;
  readonly layout: ModelLayout;
  readonly scale: number;
}

interface State {
  readonly weights: DenseLayer[];
  readonly velocity: DenseLayer[];
}

function openTraining(start: TrainingStart, model: Model): Training {
  const { spec, layout, scale } = model;
  const reader = createBatchReader(start.data, scale);
  let state: State = {
    weights: layersFromFlat(start.weights, layout),
    velocity: layersFromFlat(start.velocity, layout),
  };
  const close = () => disposeLayers([...state.weights, ...state.velocity]);
  return {
    step(indices) {
      const batch = { inputs: reader.inputs(indices), labels: reader.labels(indices) };
      const { loss, ...next } = step(state, { spec, settings: start.settings, batch });
      close();
      state = next;
      return loss;
    },
    result: () => ({
      weights: flatFromLayers(state.weights, layout),
      velocity: flatFromLayers(state.velocity, layout),
    }),
    close,
  };
}

/** One batch. The old state stays the caller's to dispose. */
function step(
  state: State,
  work: {
    readonly spec: DenseSpec;
    readonly settings: TrainingStart['settings'];
    readonly batch: { readonly inputs: Float32Array; readonly labels: Uint32Array };
  },
): State & { readonly loss: number } {
  const { spec, settings, batch } = work;
  const { labels } = batch;
  const classes = classesOf(spec);
  return tf.tidy(() => {
    const inputs = tf.tensor2d(batch.inputs, [labels.length, spec.inputs]);
    const values = forward(state.weights, spec, inputs);
    const logits = values[values.length - 1].dataSync<'float32'>();
    const { loss, gradient } = lossAndGradient({ logits, labels, classes });
    const outputGradient = tf.tensor2d(gradient, [labels.length, classes]);
    const gradients = backward(state.weights, spec, { values, outputGradient });
    const momentum = tf.scalar(settings.momentum);
    const learningRate = tf.scalar(settings.learningRate);
    const velocity = combine(state.velocity, gradients, (v, g) => tf.add(tf.mul(v, momentum), g));
    const weights = combine(state.weights, velocity, (w, v) => tf.sub(w, tf.mul(v, learningRate)));
    return { weights, velocity, loss };
  });
}

function combine(
  left: readonly DenseLayer[],
  right: readonly DenseLayer[],
  operation: <T extends tf.Tensor>(left: T, right: T) => T,
): DenseLayer[] {
  return left.map(({ kernel, bias }, index) => ({
    kernel: operation(kernel, right[index].kernel),
    bias: operation(bias, right[index].bias),
  }));
}

/** A few hundred samples at a time, so that memory does not grow with the data. */
function* logitBatches(
  flat: Float32Array,
  model: Model & { readonly data: Dataset },
): Generator<Float32Array> {
  const { spec, layout, scale, data } = model;
  const reader = createBatchReader(data, scale);
  const layers = layersFromFlat(flat, layout);
  try {
    for (let start = 0; start < data.count; start += INFERENCE_BATCH) {
      const length = Math.min(INFERENCE_BATCH, data.count - start);
      const indices = Uint32Array.from({ length }, (_, i) => start + i);
      yield tf.tidy(() => {
        const values = forward(layers, spec, tf.tensor2d(reader.inputs(indices), [length, spec.inputs]));
        return values[values.length - 1].dataSync<'float32'>();
      });
    }
  } finally {
    disposeLayers(layers);
  }
}

function classesOf(spec: DenseSpec): number {
  return spec.layers[spec.layers.length - 1].units;
}
