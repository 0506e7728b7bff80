// Gradient descent over one flat vector: SGD with classical momentum, and Adam. It does not know where a gradient comes
// from, nor how the rate changes with the steps.
import { FusionError } from '../errors.ts';
import { checkRange } from './model-points.ts';

export type DescentRule =
  /** v ← μv + g, w ← w − rate · v, as in training here. */
  | { readonly kind: 'sgd'; readonly momentum: number }
  /** Kingma and Ba 2015, algorithm 1; defaults 0.9, 0.999, 1e-8. */
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number };

export interface Descent {
  /** Changes the weights; the gradient has their length. */
  step(weights: Float32Array, gradient: Float64Array, rate: number): void;
}

export const SGD: DescentRule = { kind: 'sgd', momentum: 0.9 };

/** A descent with its own memory. Throws MELDMESH_FUSION_SPEC for numbers that no descent can use. */
export function createDescent(rule: DescentRule, size: number): Descent {
  return rule.kind === 'sgd' ? momentumDescent(rule.momentum, size) : adamDescent(rule, size);
}

/** @throws FusionError MELDMESH_FUSION_NOT_FINITE with the step, where the loss left the numbers. */
export function checkLoss(loss: number, step: number): void {
  if (Number.isFinite(loss)) return;
  const text = `the loss is ${loss} at step ${step}; lower the rate or check the models`;
  throw new FusionError('MELDMESH_FUSION_NOT_FINITE', text);
}

function momentumDescent(momentum: number, size: number): Descent {
  checkRange('momentum', momentum, { min: 0, max: 1 });
  const velocity = new Float64Array(size);
  return {
    step(weights, gradient, rate) {
      for (let i = 0; i < size; i++) {
        velocity[i] = momentum * velocity[i] + gradient[i];
        weights[i] -= rate * velocity[i];
      }
    },
  };
}

function adamDescent(rule: DescentRule & { readonly kind: 'adam' }, size: number): Descent {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rule;
  checkRange('beta1', beta1, { min: 0, max: 1 });
  checkRange('beta2', beta2, { min: 0, max: 1 });
  checkRange('epsilon', epsilon, { min: Number.MIN_VALUE });
  const first = new Float64Array(size);
  const second = new Float64Array(size);
  // Powers of the betas by multiplication: exact on every machine.
  let power1 = 1;
  let power2 = 1;
  return {
    step(weights, gradient, rate) {
      power1 *= beta1;
      power2 *= beta2;
      for (let i = 0; i < size; i++) {
        first[i] = beta1 * first[i] + (1 - beta1) * gradient[i];
        second[i] = beta2 * second[i] + (1 - beta2) * gradient[i] * gradient[i];
        const spread = Math.sqrt(second[i] / (1 - power2)) + epsilon;
        weights[i] -= (rate * (first[i] / (1 - power1))) / spread;
      }
    },
  };
}
