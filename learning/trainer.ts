// Local training and evaluation of a dense model. Between calls it holds no tensor: weights and velocity come and
// go as flat vectors, so a round that fails leaves nothing behind. Importing this file loads TensorFlow.js.
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import { type DenseSpec, layoutOf, type ModelLayout, type Random } from '../fusion/index.ts';
import { type BackendChoice, type BackendName, startBackend } from './backend.ts';
import { type BatchReader, createBatchReader, drawOrder } from './batches.ts';
import type { Dataset } from './dataset.ts';
import {
  backward,
  type DenseLayer,
  disposeLayers,
  flatFromLayers,
  forward,
  layersFromFlat,
} from './dense-network.ts';
import { LearningError } from './errors.ts';
import { isFiniteVector } from './finite.ts';
import { lossAndGradient, scoreLogits, softmaxRows } from './softmax-cross-entropy.ts';

export interface TrainingSettings {
  readonly learningRate: number;
  /** Of classical momentum, kept across rounds. */
  readonly momentum: number;
  readonly batch: number;
  readonly localEpochs: number;
}

export interface TrainingRound {
  /** Flat weights to start from; not changed. */
  readonly weights: Float32Array;
  /** Flat velocity of the momentum, zeros at first; not changed. */
  readonly velocity: Float32Array;
  readonly data: Dataset;
  readonly settings: TrainingSettings;
  /** Decides the order of the samples. */
  readonly random: Random;
}

export interface TrainedRound {
  readonly weights: Float32Array<ArrayBuffer>;
  readonly velocity: Float32Array<ArrayBuffer>;
  /** Mean over the batches of this round; NaN is never returned. */
  readonly loss: number;
  readonly steps: number;
}

export interface Score {
  /** Share of the samples whose largest logit is their label. */
  readonly accuracy: number;
  /** Mean cross-entropy in nats. */
  readonly loss: number;
}

export interface Trainer {
  readonly backend: BackendName;
  /** What somebody who chose the backend may want to know, a sentence each. */
  readonly notes: readonly string[];
  readonly layout: ModelLayout;
  /**
   * Epochs of SGD with classical momentum: v ← μv + g, w ← w − lr·v. The last partial batch of an epoch is dropped;
   * fewer samples than a batch make one batch. Throws a LearningError when the loss leaves the finite numbers.
   */
  train(round: TrainingRound): TrainedRound;
  evaluate(weights: Float32Array, data: Dataset): Score;
  /** Probabilities, [data.count, classes] row-major; the labels are not looked at. */
  predict(weights: Float32Array, data: Dataset): Float32Array<ArrayBuffer>;
}

/** Samples of one forward pass outside training: 500 digits are 1.5 MiB, and more at once is not faster. */
const EVALUATION_BATCH = 500;

export interface TrainerOptions {
  readonly spec: DenseSpec;
  /** Raw values are divided by this. */
  readonly scale: number;
  readonly backend: BackendChoice;
  /** Default 1; see `startBackend`. */
  readonly threads?: number;
}

/** Starts the backend of this thread. Throws a LearningError when it does not start. */
export async function createTrainer(options: TrainerOptions): Promise<Trainer> {
  const { name, notes } = await startBackend(options.backend, options.threads ?? 1);
  const { spec, scale } = options;
  const layout = layoutOf(spec);
  const registered = tf.getBackend();
  const checkBackend = () => assert(tf.getBackend() === registered, 'one thread uses one backend');
  return {
    backend: name,
    notes,
    layout,
    train(round) {
      checkBackend();
      return train(spec, layout, { ...round, reader: createBatchReader(round.data, scale) });
    },
    evaluate(weights, data) {
      checkBackend();
      let lossSum = 0;
      let correct = 0;
      for (const batch of logitBatches(weights, { spec, layout, scale, data })) {
        const score = scoreLogits(batch);
        lossSum += score.lossSum;
        correct += score.correct;
      }
      return { accuracy: correct / data.count, loss: lossSum / data.count };
    },
    predict(weights, data) {
      checkBackend();
      const classes = classesOf(spec);
      const probabilities = new Float32Array(data.count * classes);
      let offset = 0;
      for (const { logits } of logitBatches(weights, { spec, layout, scale, data })) {
        probabilities.set(softmaxRows(logits, classes), offset);
        offset += logits.length;
      }
      return probabilities;
    },
  };
}

function train(
  spec: DenseSpec,
  layout: ModelLayout,
  round: TrainingRound & { readonly reader: BatchReader },
): TrainedRound {
  const { data, settings } = round;
  assert(round.weights.length === layout.size && round.velocity.length === layout.size);
  assert(data.count > 0 && data.inputSize === spec.inputs, 'data was checked against the model');
  const batch = Math.min(settings.batch, data.count);
  let state: TrainingState = {
    weights: layersFromFlat(round.weights, layout),
    velocity: layersFromFlat(round.velocity, layout),
  };
  let lossSum = 0;
  let steps = 0;
  try {
    for (let epoch = 0; epoch < settings.localEpochs; epoch++) {
      const order = drawOrder(data.count, round.random);
      for (let start = 0; start + batch <= data.count; start += batch) {
        const indices = order.subarray(start, start + batch);
        const step = trainStep(state, { spec, settings, reader: round.reader, indices });
        disposeLayers([...state.weights, ...state.velocity]);
        state = step;
        lossSum += step.loss;
        steps++;
        if (!Number.isFinite(step.loss)) throw diverged(step.loss, steps);
      }
    }
    const weights = flatFromLayers(state.weights, layout);
    if (!isFiniteVector(weights)) throw diverged(Number.NaN, steps);
    return { weights, velocity: flatFromLayers(state.velocity, layout), loss: lossSum / steps, steps };
  } finally {
    disposeLayers([...state.weights, ...state.velocity]);
  }
}

function diverged(loss: number, steps: number): LearningError {
  const text = `training diverged: the loss is ${loss} after ${steps} steps; lower the learning rate or check the data`;
  return new LearningError('MELDMESH_LEARNING_DIVERGED', text);
}

interface TrainingState {
  readonly weights: DenseLayer[];
  readonly velocity: DenseLayer[];
}

/** One batch. The old state stays the caller's to dispose. */
function trainStep(
  state: TrainingState,
  batch: {
    readonly spec: DenseSpec;
    readonly settings: TrainingSettings;
    readonly reader: BatchReader;
    readonly indices: Uint32Array;
  },
): TrainingState & { readonly loss: number } {
  const { spec, settings, reader, indices } = batch;
  const classes = classesOf(spec);
  return tf.tidy(() => {
    const inputs = tf.tensor2d(reader.inputs(indices), [indices.length, spec.inputs]);
    const values = forward(state.weights, spec, inputs);
    const logits = values[values.length - 1].dataSync<'float32'>();
    const { loss, gradient } = lossAndGradient({ logits, labels: reader.labels(indices), classes });
    const outputGradient = tf.tensor2d(gradient, [indices.length, classes]);
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

/** Logits of all samples, a few hundred at a time, so that memory does not grow with the data. */
function* logitBatches(
  flat: Float32Array,
  model: {
    readonly spec: DenseSpec;
    readonly layout: ModelLayout;
    readonly scale: number;
    readonly data: Dataset;
  },
): Generator<{ readonly logits: Float32Array; readonly labels: Uint32Array; readonly classes: number }> {
  const { spec, layout, scale, data } = model;
  assert(flat.length === layout.size && data.inputSize === spec.inputs);
  const reader = createBatchReader(data, scale);
  const layers = layersFromFlat(flat, layout);
  try {
    for (let start = 0; start < data.count; start += EVALUATION_BATCH) {
      const length = Math.min(EVALUATION_BATCH, data.count - start);
      const indices = Uint32Array.from({ length }, (_, i) => start + i);
      const logits = tf.tidy(() => {
        const values = forward(layers, spec, tf.tensor2d(reader.inputs(indices), [length, spec.inputs]));
        return values[values.length - 1].dataSync<'float32'>();
      });
      yield { logits, labels: reader.labels(indices), classes: classesOf(spec) };
    }
  } finally {
    disposeLayers(layers);
  }
}

function classesOf(spec: DenseSpec): number {
  return spec.layers[spec.layers.length - 1].units;
}
