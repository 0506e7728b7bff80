// Losses whose shape is known by heart, and a small network in plain code, as the functions that the rules ask for.
import assert from 'node:assert/strict';
import { createRandom, type DenseSpec, initialWeights, layoutOf } from '../../../fusion/index.ts';
import type { Evaluate, Gradient } from '../../../fusion/model-functions.ts';
import type { Dataset } from '../../../learning/index.ts';
import { obviousGradient } from '../../learning/obvious-network.ts';

export const floats = (...values: number[]): Float32Array => Float32Array.from(values);

export function close(actual: number, expected: number, error: number): void {
  assert.ok(Math.abs(actual - expected) <= error, `${actual} is not ${expected}`);
}

/** A valley in the form of the unit circle, (x² + y² − 1)², and a bowl in all other directions. */
export const ring: { readonly evaluate: Evaluate; readonly gradient: Gradient } = {
  evaluate: (w) => ({ loss: ringLoss(w) }),
  gradient(w) {
    const slope = 4 * (w[0] * w[0] + w[1] * w[1] - 1);
    return { loss: ringLoss(w), gradient: w.map((value, i) => (i < 2 ? slope * value : 2 * value)) };
  },
};

function ringLoss(w: Float32Array): number {
  const rest = w.slice(2).reduce((sum, value) => sum + value * value, 0);
  return (w[0] * w[0] + w[1] * w[1] - 1) ** 2 + rest;
}

/** Half the squared distance from a centre. */
export function bowl(centre: Float32Array): { readonly evaluate: Evaluate; readonly gradient: Gradient } {
  const lossOf = (w: Float32Array) => w.reduce((sum, value, i) => sum + (value - centre[i]) ** 2, 0) / 2;
  return {
    evaluate: (w) => ({ loss: lossOf(w) }),
    gradient: (w) => ({ loss: lossOf(w), gradient: w.map((value, i) => value - centre[i]) }),
  };
}

/** Two half circles that reach into one another. */
export function twoMoons(options: { readonly count: number; readonly seed: string }): Dataset {
  const { count, seed } = options;
  const random = createRandom(seed);
  const labels = Uint8Array.from({ length: count }, (_, i) => i % 2);
  const inputs = new Float32Array(2 * count);
  for (let i = 0; i < count; i++) {
    const angle = Math.PI * random.float();
    const side = labels[i] === 0 ? 1 : -1;
    inputs[2 * i] = side * Math.cos(angle) + (labels[i] === 0 ? 0 : 1) + 0.2 * (random.float() - 0.5);
    inputs[2 * i + 1] = side * Math.sin(angle) + (labels[i] === 0 ? 0 : 0.5) + 0.2 * (random.float() - 0.5);
  }
  return { name: 'moons', inputs, labels, count, inputSize: 2, classes: 2, scale: 1 };
}

export const moonSpec: DenseSpec = {
  kind: 'dense',
  inputs: 2,
  layers: [
    { units: 8, activation: 'tanh' },
    { units: 8, activation: 'tanh' },
    { units: 2, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
export const moonLayout = layoutOf(moonSpec);

/** The whole set as one batch. */
export function moonFunctions(data: Dataset): { readonly evaluate: Evaluate; readonly gradient: Gradient } {
  const run = (weights: Float32Array) => obviousGradient(moonSpec, weights, data);
  return {
    evaluate: (weights) => ({ loss: run(weights).loss }),
    gradient(weights) {
      const { loss, gradient } = run(weights);
      return { loss, gradient: Float32Array.from(gradient) };
    },
  };
}

/** A solution of the moons from the seed, by plain descent. */
export function trainedMoons(gradient: Gradient, options: { readonly seed: string; readonly steps: number }) {
  const weights = initialWeights(moonSpec, options.seed);
  const velocity = new Float32Array(weights.length);
  for (let step = 0; step < options.steps; step++) {
    const { gradient: slope } = gradient(weights, step);
    for (let i = 0; i < weights.length; i++) {
      velocity[i] = 0.9 * velocity[i] + slope[i];
      weights[i] -= 0.2 * velocity[i];
    }
  }
  return weights;
}
