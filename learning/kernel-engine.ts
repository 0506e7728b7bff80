// Dense models by our own kernels. TensorFlow.js is not loaded at all, which saves start-up time and memory in every
// process, and a step costs one call.
import { type DenseSpec, layoutOf } from '../fusion/index.ts';
import type { Dataset } from './dataset.ts';
import type { Engine, Training, TrainingStart } from './engine.ts';
import { createDenseStack, type DenseBatch, type DenseStack } from './kernels/dense-stack.ts';

/** Samples of one forward pass outside training: the weights are packed once for all of them, and more gain nothing. */
const INFERENCE_BATCH = 128;

/** Throws a LearningError where memory does not suffice, here or when a larger batch is first asked for. */
export function createKernelEngine(options: { readonly spec: DenseSpec; readonly scale: number }): Engine {
  const { spec, scale } = options;
  const layout = layoutOf(spec);
  let stack = createDenseStack(spec, { layout, samplesMax: INFERENCE_BATCH, scale });
  /** Whose weights lie in the stack: of two models that are looked at side by side, each puts its own there again. */
  let loaded: object | undefined;
  return {
    spec,
    layout,
    open(start) {
      loaded = undefined;
      if (start.batch > stack.samplesMax)
        stack = createDenseStack(spec, { layout, samplesMax: start.batch, scale });
      return openTraining(stack, start, scale);
    },
    *logits(weights, data) {
      const own = {};
      for (let start = 0; start < data.count; start += INFERENCE_BATCH) {
        if (loaded !== own) stack.weights.set(weights);
        loaded = own;
        const length = Math.min(INFERENCE_BATCH, data.count - start);
        const indices = Uint32Array.from({ length }, (_, i) => start + i);
        yield stack.logits(fill(stack, { data, scale, indices }));
      }
    },
  };
}

function openTraining(stack: DenseStack, start: TrainingStart, scale: number): Training {
  const { data, settings } = start;
  stack.weights.set(start.weights);
  stack.velocity.set(start.velocity);
  return {
    step: (indices) => stack.train({ ...fill(stack, { data, scale, indices }), ...settings }),
    result(room) {
      if (room === undefined) return { weights: stack.weights.slice(), velocity: stack.velocity.slice() };
      room.weights.set(stack.weights);
      room.velocity.set(stack.velocity);
      return room;
    },
    close: () => {},
  };
}

/** Bytes go in as they are, a row at a time: the kernels look their values up. */
function fill(
  stack: DenseStack,
  batch: { readonly data: Dataset; readonly scale: number; readonly indices: Uint32Array },
): DenseBatch {
  const { data, scale, indices } = batch;
  const { inputs, inputSize, labels } = data;
  for (let i = 0; i < indices.length; i++) {
    const from = indices[i] * inputSize;
    if (inputs instanceof Uint8Array) stack.bytes.set(inputs.subarray(from, from + inputSize), i * inputSize);
    else for (let j = 0; j < inputSize; j++) stack.inputs[i * inputSize + j] = inputs[from + j] / scale;
    stack.labels[i] = labels[indices[i]];
  }
  return { samples: indices.length, asBytes: inputs instanceof Uint8Array };
}
