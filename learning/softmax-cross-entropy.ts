// The loss of classifiers over flat logits, in plain numbers: batches have few logits, so a detour through
// tensors costs more than it saves, and every backend gets the same bits from the same logits.
import assert from 'node:assert/strict';

/** Logits of `labels.length` samples, row-major, and the class of each. */
export interface LogitBatch {
  readonly logits: Float32Array;
  readonly labels: ArrayLike<number>;
  readonly classes: number;
}

/** Sum over the samples of −log softmax(logits)[label], and how many samples' largest logit is their label. */
export function scoreLogits(batch: LogitBatch): { readonly lossSum: number; readonly correct: number } {
  const { logits, labels, classes } = batch;
  assert(logits.length === labels.length * classes);
  let lossSum = 0;
  let correct = 0;
  for (let sample = 0; sample < labels.length; sample++) {
    const start = sample * classes;
    const best = indexOfLargest(logits, start, classes);
    let sum = 0;
    for (let i = start; i < start + classes; i++) sum += Math.exp(logits[i] - logits[best]);
    lossSum += Math.log(sum) + logits[best] - logits[start + labels[sample]];
    if (best - start === labels[sample]) correct++;
  }
  return { lossSum, correct };
}

/** Mean loss of the batch and its gradient by the logits: (softmax − one-hot) / samples, same shape as the logits. */
export function lossAndGradient(batch: LogitBatch): {
  readonly loss: number;
  readonly gradient: Float32Array;
} {
  const { logits, labels, classes } = batch;
  const samples = labels.length;
  const { lossSum } = scoreLogits(batch);
  const gradient = softmaxRows(logits, classes);
  for (let sample = 0; sample < samples; sample++) gradient[sample * classes + labels[sample]] -= 1;
  for (let i = 0; i < gradient.length; i++) gradient[i] /= samples;
  return { loss: lossSum / samples, gradient };
}

/** Probabilities of each row of `classes` logits. */
export function softmaxRows(logits: Float32Array, classes: number): Float32Array {
  const probabilities = new Float32Array(logits.length);
  for (let start = 0; start < logits.length; start += classes) {
    const largest = logits[indexOfLargest(logits, start, classes)];
    let sum = 0;
    for (let i = start; i < start + classes; i++) sum += Math.exp(logits[i] - largest);
    for (let i = start; i < start + classes; i++) probabilities[i] = Math.exp(logits[i] - largest) / sum;
  }
  return probabilities;
}

/** The first of the largest; the first of all where there is NaN, whose loss is then NaN as well. */
function indexOfLargest(logits: Float32Array, start: number, classes: number): number {
  let best = start;
  for (let i = start + 1; i < start + classes; i++) {
    if (logits[i] > logits[best]) best = i;
  }
  return best;
}
