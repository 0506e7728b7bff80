// What a trainer needs of whoever does its arithmetic. There are two: our kernels, which do a whole step in one call, and
// TensorFlow.js operations on any backend.
import type { DenseSpec, ModelLayout } from '../fusion/index.ts';
import type { Dataset } from './dataset.ts';

export interface TrainingSettings {
  readonly learningRate: number;
  /** Of classical momentum, kept across rounds. */
  readonly momentum: number;
  readonly batch: number;
  readonly localEpochs: number;
}

export interface Engine {
  readonly spec: DenseSpec;
  readonly layout: ModelLayout;
  /** One training at a time; `close` it in any case. */
  open(start: TrainingStart): Training;
  /** Logits of all samples, [some, classes] at a time, each array valid until the next is asked for. */
  logits(weights: Float32Array, data: Dataset): Generator<Float32Array>;
}

export interface TrainingStart {
  readonly weights: Float32Array;
  readonly velocity: Float32Array;
  readonly data: Dataset;
  readonly settings: TrainingSettings;
  /** Samples of every step. */
  readonly batch: number;
}

/** Vectors as long as the model. */
export interface VectorRoom {
  readonly weights: Float32Array;
  readonly velocity: Float32Array;
}

export interface Training {
  /** Mean loss of these samples before the step; not finite where it left the numbers. */
  step(indices: Uint32Array): number;
  /** Copies, into the room where there is one. */
  result(room?: VectorRoom): VectorRoom;
  close(): void;
}
