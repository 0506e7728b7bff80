// A benchmark network that can be run and trained: scores, activations, and Adam over batches of a data set. The architecture
// is handed in as a function over a draft.
import assert from 'node:assert/strict';
import type { Activations, Evaluation } from '../../../../fusion/model-functions.ts';
import type { ModelLayout, Random } from '../../../../fusion/types.ts';
import { drawOrder } from '../../../../learning/batches.ts';
import type { Dataset } from '../../../../learning/dataset.ts';
import { lossAndGradient, scoreLogits } from '../../../../learning/softmax-cross-entropy.ts';
import { NetworkDraft } from './network-draft.ts';
import { type MapShape, type Room, type Step, sizeOf, type Value } from './value.ts';

/** Draws all layers from the images on and returns the logits. */
export type Architecture = (draft: NetworkDraft, images: Value) => Value;

export interface TrainingOptions {
  /** Start; not changed. */
  readonly weights: Float32Array;
  readonly data: Dataset;
  readonly epochs: number;
  readonly batch: number;
  /** Of Adam; its other numbers are the paper's. */
  readonly rate: number;
  readonly random: Random;
}

export class Network {
  readonly layout: ModelLayout;
  /** What passes run with. */
  readonly weights: Float32Array;
  /** Of the last `lossGradient`. */
  readonly gradient: Float32Array;
  readonly #draft: NetworkDraft;
  readonly #logits: Value;
  readonly #room: Room;
  readonly #steps: readonly Step[];
  readonly #values: readonly Value[];

  /** `samplesMax` is the most that one pass takes; more are taken one pass after the other. */
  constructor(
    architecture: Architecture,
    options: { readonly images: MapShape; readonly samplesMax: number },
  ) {
    const draft = new NetworkDraft(options.images, options.samplesMax);
    this.#draft = draft;
    this.#logits = architecture(draft, draft.input);
    const built = draft.build();
    this.layout = built.layout;
    this.#room = built.room;
    this.#steps = built.steps;
    this.#values = built.values;
    this.weights = built.room.floats(built.room.weightsAt, built.layout.size);
    this.gradient = built.room.floats(built.room.gradientAt, built.layout.size);
  }

  /** As torch.nn begins: kernels and biases uniform within 1 / √inputs of a unit; scales and variances 1, shifts and means 0. */
  initialWeights(random: Random): Float32Array {
    const weights = new Float32Array(this.layout.size);
    let inputs = 0;
    for (const { name, shape, offset, size } of this.layout.tensors) {
      const values = weights.subarray(offset, offset + size);
      if (/\/(gamma|moving_variance)$/.test(name)) values.fill(1);
      // A bias follows the kernel of its layer.
      if (name.endsWith('/kernel')) inputs = size / shape[shape.length - 1];
      if (!/\/(kernel|bias)$/.test(name)) continue;
      const stream = random.fork(name);
      for (let i = 0; i < size; i++) values[i] = (2 * stream.float() - 1) / Math.sqrt(inputs);
    }
    return weights;
  }

  /** Norms take their running statistics. */
  evaluate(weights: Float32Array, data: Dataset): Evaluation {
    let [lossSum, correct] = [0, 0];
    for (const samples of this.#passes(weights, data)) {
      const logits = this.#view(this.#logits, samples.length);
      const labels = Uint32Array.from(samples, (sample) => data.labels[sample]);
      const score = scoreLogits({ logits, labels, classes: data.classes });
      lossSum += score.lossSum;
      correct += score.correct;
    }
    return { loss: lossSum / data.count, accuracy: correct / data.count };
  }

  /** All logits, [data.count, classes]. */
  logits(weights: Float32Array, data: Dataset): Float32Array {
    const all = new Float32Array(data.count * sizeOf(this.#logits.shape));
    for (const samples of this.#passes(weights, data)) {
      all.set(this.#view(this.#logits, samples.length), samples[0] * sizeOf(this.#logits.shape));
    }
    return all;
  }

  /** What units put out on this data, by the name of a permutation. */
  outputs(data: Dataset): Activations {
    return this.#activations(data, this.#draft.outputs);
  }

  /** What goes into a norm, or into the activation behind a layer, on this data. */
  preActivations(data: Dataset): Activations {
    return this.#activations(data, this.#draft.preActivations);
  }

  /** Mean cross-entropy of these samples and its gradient, norms by the batch; moves the running statistics. */
  lossGradient(data: Dataset, samples: Uint32Array): number {
    this.#fill(data, samples);
    for (const step of this.#steps) step.forward(samples.length, true);
    const labels = Uint32Array.from(samples, (sample) => data.labels[sample]);
    const logits = this.#view(this.#logits, samples.length);
    const { loss, gradient } = lossAndGradient({ logits, labels, classes: data.classes });
    for (const { gradientAt, shape } of this.#values)
      this.#room.floats(gradientAt, samples.length * sizeOf(shape)).fill(0);
    this.#room.floats(this.#logits.gradientAt, gradient.length).set(gradient);
    for (const step of this.#steps.toReversed()) step.backward(samples.length);
    return loss;
  }

  /** Returns the trained weights, running statistics among them. */
  train({ weights, data, epochs, batch, rate, random }: TrainingOptions): Float32Array {
    assert(batch <= this.#draft.samplesMax, 'a batch is one pass');
    this.weights.set(weights);
    const { kernels, weightsAt, gradientAt, momentsAt, floats } = this.#room;
    const { size } = this.layout;
    for (const at of momentsAt) floats(at, size).fill(0);
    const [beta1, beta2, epsilon] = [0.9, 0.999, 1e-8];
    for (let epoch = 0, step = 1; epoch < epochs; epoch++) {
      const order = drawOrder(data.count, random.fork(`epoch ${epoch}`));
      for (let start = 0; start + batch <= data.count; start += batch, step++) {
        const loss = this.lossGradient(data, order.subarray(start, start + batch));
        assert(Number.isFinite(loss), `the loss is ${loss} at step ${step}`);
        const corrections = [1 - beta1 ** step, 1 - beta2 ** step] as const;
        kernels.adam(weightsAt, ...momentsAt, gradientAt, size, rate, beta1, beta2, epsilon, ...corrections);
      }
    }
    return this.weights.slice();
  }

  #activations(data: Dataset, places: ReadonlyMap<string, readonly Value[]>): Activations {
    const network = this;
    return function* (weights, place) {
      const values = places.get(place);
      assert(values !== undefined, `the network has a place ${place}`);
      const steps = Math.max(...values.map((value) => value.steps));
      for (const samples of network.#passes(weights, data, steps))
        for (const value of values) yield network.#view(value, samples.length);
    };
  }

  /** Runs the first so many steps on all samples, a pass at a time. */
  *#passes(weights: Float32Array, data: Dataset, steps = this.#steps.length): Generator<Uint32Array> {
    for (let start = 0; start < data.count; start += this.#draft.samplesMax) {
      const length = Math.min(this.#draft.samplesMax, data.count - start);
      const samples = Uint32Array.from({ length }, (_, i) => start + i);
      // Each time: another model may be walked through in turn.
      this.weights.set(weights);
      this.#fill(data, samples);
      for (const step of this.#steps.slice(0, steps)) step.forward(length, false);
      yield samples;
    }
  }

  #fill(data: Dataset, samples: Uint32Array): void {
    const size = sizeOf(this.#draft.input.shape);
    assert(data.inputSize === size && samples.length <= this.#draft.samplesMax);
    const images = this.#view(this.#draft.input, samples.length);
    for (const [row, sample] of samples.entries())
      for (let i = 0; i < size; i++) images[row * size + i] = data.inputs[sample * size + i] / data.scale;
  }

  #view({ at, shape }: Value, samples: number): Float32Array {
    return this.#room.floats(at, samples * sizeOf(shape));
  }
}
