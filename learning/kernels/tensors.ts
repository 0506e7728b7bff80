// TensorFlow.js with our kernels, as one object. The layers are imported for their side effect: in Node.js they alone
// register the gradients of the operations.
import '@tensorflow/tfjs-layers';

import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { registerTensorKernels } from './tensor-kernels.ts';
import { TensorMemory } from './tensor-memory.ts';
import { dense, softmaxCrossEntropy } from './tensor-ops.ts';
import { InPlaceAdam, InPlaceSgd } from './tensor-optimizers.ts';

export interface FastTensors {
  readonly dense: typeof dense;
  readonly softmaxCrossEntropy: typeof softmaxCrossEntropy;
  /** SGD, with momentum if it is given, that changes weights in place. */
  sgd(options: { readonly learningRate: number; readonly momentum?: number }): tf.Optimizer;
  /** Adam in place; β₁ 0.9, β₂ 0.999 and ε 1e-7 unless given. */
  adam(options: {
    readonly learningRate: number;
    readonly beta1?: number;
    readonly beta2?: number;
    readonly epsilon?: number;
  }): tf.Optimizer;
}

const known = new WeakMap<BackendWasm, FastTensors>();

/** Puts our kernels into the WASM backend, which must be the one in use; again: the same object. */
export function fastTensors(): FastTensors {
  const backend = tf.backend() as BackendWasm;
  const there = known.get(backend);
  if (there !== undefined) return there;
  const memory = new TensorMemory(backend);
  registerTensorKernels(memory);
  const fast: FastTensors = {
    dense,
    softmaxCrossEntropy,
    sgd: (options) => new InPlaceSgd(memory, options),
    adam: (options) => new InPlaceAdam(memory, options),
  };
  known.set(backend, fast);
  return fast;
}
