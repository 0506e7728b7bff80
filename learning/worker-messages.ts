// What a host and its learning worker say to each other. Big arrays lie in shared memory or are handed over.
//
//   host                                   worker
//   (workerData) LearnerInit   ────────▶   starts its backend
//                              ◀────────   ready, or failed without a ticket
//   restore state              ────────▶   (its faults come as failed without a ticket)
//   train ticket, model        ────────▶
//                              ◀────────   trained ticket, payload, state … or failed ticket
//   evaluate ticket, model     ────────▶
//                              ◀────────   evaluated ticket … or failed ticket
//                              ◀────────   notice, at any time
//   stop                       ────────▶   (ends the thread, without an answer)
import type { DenseSpec } from '../fusion/index.ts';
import type { BackendChoice } from './backend-choice.ts';
import type { Dataset } from './dataset.ts';
import type { TrainingSettings } from './engine.ts';
import type { ForeignDecision, ForeignModel } from './foreign/foreign-model.ts';

/** Everything that stays the same while a worker lives. */
export interface LearnerInit {
  readonly spec: DenseSpec;
  readonly settings: TrainingSettings;
  /** Raw values are divided by this. */
  readonly scale: number;
  readonly codec: string;
  readonly backend: BackendChoice;
  readonly threads: number;
  /** Batch order and stochastic rounding follow from it and the generation. */
  readonly seed: string;
  /** In shared memory, see `shareDataset`; absent: this member only evaluates. */
  readonly data: Dataset | undefined;
  readonly test: Dataset | undefined;
  /** Brought from elsewhere, for the member's first round. */
  readonly foreign?: ForeignModel;
}

export interface TrainRequest {
  readonly kind: 'train';
  readonly ticket: number;
  readonly model: Float32Array;
  readonly generation: number;
  /** Own payloads; one without a codec has the mesh's. */
  readonly takeBack: readonly {
    readonly payload: Uint8Array;
    readonly sign: 1 | -1;
    readonly codec?: string;
  }[];
}

export type LearnerRequest =
  | TrainRequest
  | { readonly kind: 'evaluate'; readonly ticket: number; readonly model: Float32Array }
  | { readonly kind: 'restore'; readonly state: Uint8Array };

export interface TrainedAnswer {
  readonly kind: 'trained';
  readonly ticket: number;
  readonly payload: Uint8Array;
  /** See `learner-state.ts`. */
  readonly state: Uint8Array;
  readonly loss: number;
  readonly steps: number;
  /** Of the payload, and what it stands for, where they are not the mesh's and the member's own. */
  readonly codec?: string;
  readonly samples?: number;
  /** What became of the model from elsewhere; in the first round only. */
  readonly foreign?: ForeignDecision;
}

export interface ReadyAnswer {
  readonly kind: 'ready';
  /** The backend's name, or that of whatever trains instead. */
  readonly backend: string;
  readonly notes: readonly string[];
  /** Samples that the member trains on. */
  readonly samples: number;
  /** Whether `evaluate` can be answered. */
  readonly evaluates: boolean;
}

export type LearnerAnswer =
  | ReadyAnswer
  | TrainedAnswer
  | { readonly kind: 'notice'; readonly code: string; readonly text: string }
  | { readonly kind: 'evaluated'; readonly ticket: number; readonly accuracy: number; readonly loss: number }
  | {
      readonly kind: 'failed';
      readonly ticket: number | undefined;
      readonly code: string;
      readonly error: string;
    };

/** The same samples in shared memory, so that a worker reads them without a copy of its own. */
export function shareDataset(dataset: Dataset): Dataset {
  const { inputs, labels } = dataset;
  return {
    ...dataset,
    inputs: inputs instanceof Uint8Array ? shareBytes(inputs) : shareFloats(inputs),
    labels: labels instanceof Uint8Array ? shareBytes(labels) : shareIntegers(labels),
  };
}

/** A copy in shared memory, or the array itself where it lies there already. */
function shareFloats(values: Float32Array): Float32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const shared = new Float32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function shareIntegers(values: Int32Array): Int32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const shared = new Int32Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}

function shareBytes(values: Uint8Array): Uint8Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const shared = new Uint8Array(new SharedArrayBuffer(values.byteLength));
  shared.set(values);
  return shared;
}
