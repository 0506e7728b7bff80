// Local training and evaluation of a dense model: which samples make which step. The arithmetic is an engine's. Between
// calls a trainer holds no weights: they come and go as flat vectors, so a round that fails leaves nothing behind.
import assert from 'node:assert/strict';
import type { DenseSpec, ModelLayout, Random } from '../fusion/index.ts';
import type { BackendName } from './backend-choice.ts';
import { drawOrder } from './batches.ts';
import type { Dataset } from './dataset.ts';
import type { Engine, TrainingSettings, VectorRoom } from './engine.ts';
import { LearningError } from './errors.ts';
import { isFiniteVector } from './finite.ts';
import { scoreLogits, softmaxRows } from './softmax-cross-entropy.ts';

export interface TrainingRound {
  /** Flat weights to start from; not changed. */
  readonly weights: Float32Array;
  /** Flat velocity of the momentum, zeros at first; not changed. */
  readonly velocity: Float32Array;
  readonly data: Dataset;
  readonly settings: TrainingSettings;
  /** Decides the order of the samples. */
  readonly random: Random;
  /** Where the result goes; absent: into fresh memory. An engine may take fresh memory all the same. */
  readonly room?: VectorRoom;
}

export interface TrainedRound {
  readonly weights: Float32Array;
  /** Of no meaning without momentum. */
  readonly velocity: Float32Array;
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

/** A trainer by this engine. */
export function trainerOf(
  engine: Engine,
  started: { readonly backend: BackendName; readonly notes: readonly string[] },
): Trainer {
  const { spec } = engine;
  const classes = spec.layers[spec.layers.length - 1].units;
  return {
    ...started,
    layout: engine.layout,
    train: (round) => train(engine, round),
    evaluate(weights, data) {
      checkVectors(engine, [weights]);
      checkData(spec, data);
      let lossSum = 0;
      let correct = 0;
      let start = 0;
      for (const logits of engine.logits(weights, data)) {
        const labels = data.labels.subarray(start, start + logits.length / classes);
        const score = scoreLogits({ logits, labels, classes });
        lossSum += score.lossSum;
        correct += score.correct;
        start += labels.length;
      }
      return { accuracy: correct / data.count, loss: lossSum / data.count };
    },
    predict(weights, data) {
      checkVectors(engine, [weights]);
      checkData(spec, data);
      const probabilities = new Float32Array(data.count * classes);
      let offset = 0;
      for (const logits of engine.logits(weights, data)) {
        probabilities.set(softmaxRows(logits, classes), offset);
        offset += logits.length;
      }
      return probabilities;
    },
  };
}

function checkVectors(engine: Engine, vectors: readonly Float32Array[]): void {
  for (const { length } of vectors)
    assert(length === engine.layout.size, 'the vectors have the size of the model');
}

function checkData(spec: DenseSpec, data: Dataset): void {
  assert(data.inputSize === spec.inputs, 'data was checked against the model');
}

function train(engine: Engine, round: TrainingRound): TrainedRound {
  const { data, settings, random } = round;
  checkVectors(engine, [round.weights, round.velocity]);
  checkData(engine.spec, data);
  assert(data.count > 0);
  const batch = Math.min(settings.batch, data.count);
  const training = engine.open({ ...round, batch });
  let lossSum = 0;
  let steps = 0;
  try {
    for (let epoch = 0; epoch < settings.localEpochs; epoch++) {
      const order = drawOrder(data.count, random);
      for (let start = 0; start + batch <= data.count; start += batch) {
        const loss = training.step(order.subarray(start, start + batch));
        steps++;
        if (!Number.isFinite(loss)) throw diverged(loss, steps);
        lossSum += loss;
      }
    }
    const { weights, velocity } = training.result(round.room);
    if (!isFiniteVector(weights)) throw diverged(Number.NaN, steps);
    return { weights, velocity, loss: lossSum / steps, steps };
  } finally {
    training.close();
  }
}

function diverged(loss: number, steps: number): LearningError {
  const text = `training diverged: the loss is ${loss} after ${steps} steps; lower the learning rate or check the data`;
  return new LearningError('MELDMESH_LEARNING_DIVERGED', text);
}
