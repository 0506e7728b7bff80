// A dense model as the plain functions that fusion's rules ask for: its loss and accuracy, its gradient a batch at a
// time, and what goes on in its hidden layers. By our own kernels, whatever backend trains. It does not know what a rule
// does with them.
import assert from 'node:assert/strict';
import {
  type Activations,
  createRandom,
  type DenseSpec,
  type Evaluate,
  type Gradient,
  layoutOf,
} from '../fusion/index.ts';
import { drawOrder } from './batches.ts';
import { checkDataset, type Dataset } from './dataset.ts';
import type { Engine } from './engine.ts';
import { type Score, trainerOf } from './trainer.ts';

export interface ModelFunctionsOptions {
  readonly spec: DenseSpec;
  /** What raw values are divided by. */
  readonly scale: number;
  /** What `evaluate` scores. */
  readonly test: Dataset;
  /** What `gradient` and the activations look at. */
  readonly train: Dataset;
  /** Samples of one gradient; fewer samples than that make one batch. Default 100. */
  readonly batch?: number;
  /** Decides which samples make which batch. */
  readonly seed: string;
}

export interface ModelFunctions {
  readonly evaluate: Evaluate;
  /** The same on other samples. */
  readonly score: (weights: Float32Array, data: Dataset) => Score;
  /** Mean cross-entropy over the batch of the step; an epoch is a fresh order, its last partial batch is dropped. */
  readonly gradient: Gradient;
  /** Gradients of one epoch. */
  readonly stepsPerEpoch: number;
  /** What the units of a hidden layer put out, by the layer's name: `dense_0` and so on. Permutations are named the same. */
  readonly outputs: Activations;
  /** What goes into the activation of a layer. */
  readonly preActivations: Activations;
}

type CreateEngine = (options: { readonly spec: DenseSpec; readonly scale: number }) => Engine;

/**
 * Loads the kernels; after that every function answers at once. Throws a DataError for data that does not fit the model, a
 * LearningError where memory does not suffice.
 */
export async function openModelFunctions(options: ModelFunctionsOptions): Promise<ModelFunctions> {
  const { spec, scale, train, test } = options;
  const classes = spec.layers[spec.layers.length - 1].units;
  for (const data of [train, test]) checkDataset(data, { inputs: spec.inputs, classes });
  const { createKernelEngine } = await import('./kernel-engine.ts');
  const engine = createKernelEngine({ spec, scale });
  const { evaluate } = trainerOf(engine, { backend: 'wasm', notes: [] });
  return {
    evaluate: (weights) => evaluate(weights, test),
    score: evaluate,
    ...gradientOver(engine, options),
    outputs: layerValues(options, { create: createKernelEngine, linear: false }),
    preActivations: layerValues(options, { create: createKernelEngine, linear: true }),
  };
}

/** The velocity of one step with a rate of 0 that starts from 0 is the gradient, and the weights stay. */
function gradientOver(
  engine: Engine,
  options: ModelFunctionsOptions,
): Pick<ModelFunctions, 'gradient' | 'stepsPerEpoch'> {
  const { train: data, seed } = options;
  const batch = Math.min(options.batch ?? 100, data.count);
  assert(batch >= 1, 'there is a sample');
  const stepsPerEpoch = Math.floor(data.count / batch);
  const random = createRandom(seed);
  const zeros = new Float32Array(engine.layout.size);
  const room = { weights: new Float32Array(zeros.length), velocity: new Float32Array(zeros.length) };
  const settings = { learningRate: 0, momentum: 1, batch, localEpochs: 1 };
  let held: { readonly epoch: number; readonly order: Uint32Array } = {
    epoch: -1,
    order: new Uint32Array(0),
  };
  return {
    stepsPerEpoch,
    gradient(weights, step) {
      const epoch = Math.floor(step / stepsPerEpoch);
      if (epoch !== held.epoch) held = { epoch, order: drawOrder(data.count, random.fork(`epoch ${epoch}`)) };
      const start = (step - epoch * stepsPerEpoch) * batch;
      const training = engine.open({ weights, velocity: zeros, data, settings, batch });
      try {
        const loss = training.step(held.order.subarray(start, start + batch));
        return { loss, gradient: training.result(room).velocity };
      } finally {
        training.close();
      }
    },
  };
}

/** Layers of a model up to some layer are a model of their own: its outputs are what that layer gives. */
function layerValues(
  { spec, scale, train }: ModelFunctionsOptions,
  how: { readonly create: CreateEngine; readonly linear: boolean },
): Activations {
  const engines = new Map<string, Engine>();
  for (const { name } of layoutOf(spec).tensors.filter(({ shape }) => shape.length === 2)) {
    const layer = engines.size;
    const layers = spec.layers.slice(0, layer + 1);
    if (how.linear) layers[layer] = { ...layers[layer], activation: 'linear' };
    engines.set(name.replace('/kernel', ''), how.create({ spec: { ...spec, layers }, scale }));
  }
  return (weights, place) => {
    const engine = engines.get(place);
    assert(engine !== undefined, `the model has a layer ${place}`);
    return copiesOf(engine.logits(weights.subarray(0, engine.layout.size), train));
  };
}

/** Two models may be looked at side by side, and an engine has one room for both. */
function* copiesOf(batches: Iterable<Float32Array>): Generator<Float32Array> {
  for (const batch of batches) yield batch.slice();
}
