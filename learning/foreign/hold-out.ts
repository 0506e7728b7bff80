// The samples that a model from elsewhere is judged on: cut from the member's own, so that nobody else's word is needed. It
// scores any model of the mesh's shape and knows nothing of where one came from.
import { type Activations, createRandom, type DenseSpec } from '../../fusion/index.ts';
import { drawOrder } from '../batches.ts';
import { type Dataset, firstSamples, subset } from '../dataset.ts';
import { openModelFunctions } from '../model-functions.ts';
import { scoreLogits } from '../softmax-cross-entropy.ts';
import { HOLD_OUT_MAX, HOLD_OUT_MIN, HOLD_OUT_SHARE, PROBES_MAX } from './constants.ts';
import type { ForeignScore, Gain } from './foreign-model.ts';

export interface HoldOutOptions {
  readonly spec: DenseSpec;
  /** Raw values are divided by this. */
  readonly scale: number;
  /** Own samples; without any, the test set is what there is. */
  readonly data: Dataset | undefined;
  readonly test: Dataset | undefined;
  /** Decides which samples are kept apart. */
  readonly seed: string;
}

/** A model's score, sample by sample too. */
export interface SampleScores extends ForeignScore {
  readonly losses: Float64Array;
  /** 1 where the largest logit is the label's, else 0. */
  readonly hits: Float64Array;
}

export interface HoldOut {
  readonly count: number;
  /** Samples that show activations; 0: none. */
  readonly probes: number;
  /** 1 for each sample of the commonest label, else 0: what who knows nothing gets right. */
  readonly guesses: Float64Array;
  score(weights: Float32Array): SampleScores;
  /** All logits on the held-out samples. */
  logits(weights: Float32Array): Float32Array;
  /** On the probes, of hidden layers by their names. */
  readonly outputs: Activations;
  readonly preActivations: Activations;
}

/** `undefined`: there are fewer than `HOLD_OUT_MIN` samples to judge on. Throws as `openModelFunctions` does. */
export async function openHoldOut(options: HoldOutOptions): Promise<HoldOut | undefined> {
  const { spec, scale, seed } = options;
  const parts = partsOf(options);
  if (parts === undefined) return undefined;
  const { held, probes } = parts;
  const common = { spec, scale, seed };
  const onHeld = await openModelFunctions({ ...common, test: held, train: held });
  const onProbes =
    probes.count === 0 ? undefined : await openModelFunctions({ ...common, test: held, train: probes });
  const last = `dense_${spec.layers.length - 1}`;
  const classes = spec.layers[spec.layers.length - 1].units;
  const none: Activations = () => [];
  const logits = (weights: Float32Array): Float32Array => {
    const all = new Float32Array(held.count * classes);
    let at = 0;
    for (const batch of onHeld.preActivations(weights, last)) {
      all.set(batch, at);
      at += batch.length;
    }
    return all;
  };
  return {
    count: held.count,
    probes: probes.count,
    guesses: commonestLabel(held, classes),
    logits,
    score: (weights) => scoreOf(logits(weights), held, classes),
    outputs: onProbes?.outputs ?? none,
    preActivations: onProbes?.preActivations ?? none,
  };
}

function partsOf({ data, test, seed }: HoldOutOptions): { held: Dataset; probes: Dataset } | undefined {
  if (data === undefined) {
    if (test === undefined || test.count < HOLD_OUT_MIN) return undefined;
    return { held: firstSamples(test, HOLD_OUT_MAX), probes: firstSamples(test, 0) };
  }
  const heldCount = Math.min(HOLD_OUT_MAX, Math.floor(data.count * HOLD_OUT_SHARE));
  if (heldCount < HOLD_OUT_MIN) return undefined;
  const order = drawOrder(data.count, createRandom(seed).fork('hold-out'));
  const probes = order.subarray(heldCount, heldCount + PROBES_MAX);
  return { held: subset(data, order.subarray(0, heldCount)), probes: subset(data, probes) };
}

function commonestLabel({ labels }: Dataset, classes: number): Float64Array {
  const counts = new Uint32Array(classes);
  for (const label of labels) counts[label]++;
  const commonest = counts.indexOf(Math.max(...counts));
  return Float64Array.from(labels, (label) => Number(label === commonest));
}

function scoreOf(logits: Float32Array, { labels, count }: Dataset, classes: number): SampleScores {
  const losses = new Float64Array(count);
  const hits = new Float64Array(count);
  let [lossSum, correct] = [0, 0];
  for (let i = 0; i < count; i++) {
    const one = {
      logits: logits.subarray(i * classes, (i + 1) * classes),
      labels: labels.subarray(i, i + 1),
      classes,
    };
    const score = scoreLogits(one);
    losses[i] = score.lossSum;
    hits[i] = score.correct;
    lossSum += score.lossSum;
    correct += score.correct;
  }
  return { losses, hits, loss: lossSum / count, accuracy: correct / count };
}

/** Mean of a − b over the samples, and its standard error: both are of the same samples, so it is of pairs. */
export function meanDifference(a: Float64Array, b: Float64Array): Gain {
  const count = a.length;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += a[i] - b[i];
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < count; i++) squares += (a[i] - b[i] - mean) ** 2;
  return { mean, stdError: Math.sqrt(squares / (count - 1) / count) };
}
