// A dense model in the memory of our kernels: weights, velocity, one batch and everything between, and one call for a
// whole training step. It knows neither epochs nor data sets.
import assert from 'node:assert/strict';
import type { DenseSpec, ModelLayout } from '../../fusion/index.ts';
import { ArenaPlan } from './arena.ts';
import { ACTIVATIONS, type Kernels, PANEL_FLOATS } from './module.ts';

export interface DenseStack {
  /** Most samples of one call. */
  readonly samplesMax: number;
  /** The flat model; a view that calls read and write. */
  readonly weights: Float32Array;
  /** Flat, as the weights. Neither read nor written without momentum. */
  readonly velocity: Float32Array;
  /** [samplesMax, inputs]: where values of a batch go; bytes are divided by the scale on the way in. */
  readonly inputs: Float32Array;
  readonly bytes: Uint8Array;
  readonly labels: Uint32Array;
  /**
   * One step of SGD with classical momentum, v ← μv + g, w ← w − lr·v, on the mean cross-entropy of the first
   * `samples` inputs. Returns that mean before the step, in nats; NaN where it left the numbers.
   */
  train(batch: DenseBatch & { readonly learningRate: number; readonly momentum: number }): number;
  /** [samples, classes], a view that is valid until the next call. */
  logits(batch: DenseBatch): Float32Array;
}

export interface DenseBatch {
  readonly samples: number;
  /** Whether the batch lies in `bytes`, not in `inputs`. */
  readonly asBytes: boolean;
}

/** Throws a LearningError where memory does not suffice. */
export function createDenseStack(
  spec: DenseSpec,
  options: { readonly layout: ModelLayout; readonly samplesMax: number; readonly scale: number },
): DenseStack {
  const { layout, samplesMax, scale } = options;
  const places = planStack(spec, layout, samplesMax);
  const { kernels, buffer } = places.plan.build();
  const floats = (address: number, length: number) => new Float32Array(buffer, address, length);
  const scaled = floats(places.scaled, 256);
  for (let byte = 0; byte < 256; byte++) scaled[byte] = byte / scale;
  const run = runner(spec, { places, layout, kernels, buffer });
  const classes = spec.layers[spec.layers.length - 1].units;
  const outputs = places.outputs[spec.layers.length - 1];
  return {
    samplesMax,
    weights: floats(places.weights, layout.size),
    velocity: floats(places.velocity, layout.size),
    inputs: floats(places.inputs, samplesMax * spec.inputs),
    bytes: new Uint8Array(buffer, places.bytes, samplesMax * spec.inputs),
    labels: new Uint32Array(buffer, places.labels, samplesMax),
    train: (batch) => {
      assert(batch.samples > 0 && batch.samples <= samplesMax);
      run.prepare(batch, batch);
      return kernels.stackTrain(places.structure);
    },
    logits: (batch) => {
      assert(batch.samples > 0 && batch.samples <= samplesMax);
      run.prepare(batch, { learningRate: 0, momentum: 0 });
      kernels.stackForward(places.structure);
      return floats(outputs, batch.samples * classes);
    },
  };
}

type Places = ReturnType<typeof planStack>;

/** Words of the structure `Stack` in c/dense-stack.c before its layers, and of each layer. */
const STACK_WORDS = 17;
const LAYER_WORDS = 8;

function planStack(spec: DenseSpec, layout: ModelLayout, samplesMax: number) {
  const plan = new ArenaPlan();
  const floats = (count: number) => plan.add(4 * count);
  const widths = [spec.inputs, ...spec.layers.map(({ units }) => units)];
  const hidden = Math.max(0, ...widths.slice(1, -1));
  // The kernels make lists only where at most half of the values are not zero.
  const listed = Math.ceil((samplesMax * spec.inputs) / 2);
  // Forward and back need one row of panels for each step of the depth, a gradient all panels of all samples.
  const deepest = Math.max(...widths);
  const panels = Math.max(PANEL_FLOATS * deepest, samplesMax * (deepest + PANEL_FLOATS));
  return {
    plan,
    structure: plan.add(4 * (STACK_WORDS + LAYER_WORDS * spec.layers.length)),
    weights: floats(layout.size),
    velocity: floats(layout.size),
    inputs: floats(samplesMax * spec.inputs),
    bytes: plan.add(samplesMax * spec.inputs),
    scaled: floats(256),
    labels: floats(samplesMax),
    gradients: [floats(samplesMax * hidden), floats(samplesMax * hidden)],
    panels: floats(panels),
    bySample: [floats(samplesMax + 1), floats(listed), floats(listed)],
    byInput: [floats(spec.inputs + 1), floats(listed), floats(listed)],
    outputs: spec.layers.map(({ units }) => floats(samplesMax * units)),
  };
}

/** Writes the structures: all words but the first few once, those before each call. */
function runner(
  spec: DenseSpec,
  stack: {
    readonly places: Places;
    readonly layout: ModelLayout;
    readonly kernels: Kernels;
    readonly buffer: ArrayBuffer;
  },
) {
  const { places, layout, buffer } = stack;
  const words = new Uint32Array(buffer, places.structure, STACK_WORDS + LAYER_WORDS * spec.layers.length);
  const numbers = new Float32Array(buffer, places.structure, words.length);
  const { inputs, bytes, scaled, labels, gradients, panels, bySample, byInput } = places;
  words.set([0, inputs, bytes, scaled, labels, 0, 0, ...gradients, panels, ...bySample, ...byInput]);
  words[STACK_WORDS - 1] = spec.layers.length;
  for (const [index, { units, activation }] of spec.layers.entries()) {
    const [kernel, bias] = layout.tensors.slice(2 * index);
    words.set(
      [
        kernel.shape[0],
        units,
        ACTIVATIONS[activation],
        places.weights + 4 * kernel.offset,
        places.weights + 4 * bias.offset,
        places.velocity + 4 * kernel.offset,
        places.velocity + 4 * bias.offset,
        places.outputs[index],
      ],
      STACK_WORDS + LAYER_WORDS * index,
    );
  }
  return {
    prepare(batch: DenseBatch, rates: { readonly learningRate: number; readonly momentum: number }): void {
      words[0] = batch.samples;
      words[2] = batch.asBytes ? bytes : 0;
      numbers[5] = rates.learningRate;
      numbers[6] = rates.momentum;
    },
  };
}
