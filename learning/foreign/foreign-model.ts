// A model that was trained elsewhere, and what was decided about it: plain data that travels between threads, into events and
// onto disk. It does not know how the decision is made.
import type { ModelLayout } from '../../fusion/index.ts';
import { LearningError } from '../errors.ts';

export interface ForeignModel {
  /** Flat, in the order of the mesh's model. */
  readonly weights: Float32Array;
  /** That it was trained on, as far as its owner knows: its weight in the mean. */
  readonly samples: number;
  /** `align`: matched and judged; `naive`: taken as it is. */
  readonly how: 'align' | 'naive';
  /** By which it is sent, if it is. */
  readonly codec: string;
}

/** On samples of this member's own that were kept apart. */
export interface ForeignScore {
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  readonly accuracy: number;
}

/** By what units were put together. */
export type MatchingMethod = 'weights' | 'activations';

export interface ForeignMatching {
  readonly method: MatchingMethod;
  /** Sum of the products of both models' entries; higher is more alike. */
  readonly objective: { readonly before: number; readonly after: number };
  /** Euclidean, between the models. */
  readonly distance: { readonly before: number; readonly after: number };
  /** Largest difference that the permutation makes to an output, as a share of the largest output. */
  readonly outputDifference: number;
}

/** (1 − share) · shared model + share · foreign model in the order of the shared one. */
export interface ForeignCandidate extends ForeignScore {
  readonly method: MatchingMethod;
  readonly share: number;
  /** Pre-activations were brought to the means and spreads of both ends. */
  readonly repaired: boolean;
  /** Highest loss between the shared model and it, above the straight line. */
  readonly barrier: number;
  /** By how much its loss is lower, and its accuracy higher, than the shared model's. */
  readonly lossGain: Gain;
  readonly accuracyGain: Gain;
}

/** A mean over the samples of differences between two models on the same sample. */
export interface Gain {
  readonly mean: number;
  readonly stdError: number;
}

export interface ForeignDecision {
  readonly outcome: 'accepted' | 'refused';
  /** Why, as a sentence without its full stop. */
  readonly reason: string;
  /** That was trained for when it was decided. */
  readonly generation: number;
  readonly how: ForeignModel['how'];
  readonly samples: number;
  /** Samples that models were scored on, and that showed activations. */
  readonly holdOut: number;
  readonly probes: number;
  /** Absent where there was nothing to score on. */
  readonly shared?: ForeignScore;
  readonly foreign?: ForeignScore;
  readonly matchings: readonly ForeignMatching[];
  readonly candidates: readonly ForeignCandidate[];
  /** What was taken of them. */
  readonly chosen?: ForeignCandidate;
}

/** Throws a LearningError that names the tensor, unless these are finite weights of this layout and a number of samples. */
export function checkForeignModel(
  { weights, samples }: Pick<ForeignModel, 'weights' | 'samples'>,
  layout: ModelLayout,
): void {
  if (weights.length !== layout.size) {
    throw refusal(`it has ${weights.length} weights, the model of the mesh has ${layout.size}`);
  }
  if (!Number.isSafeInteger(samples) || samples < 1) {
    throw refusal(`it stands for ${samples} samples, which is no whole number above 0`);
  }
  for (const { name, offset, size } of layout.tensors) {
    const bad = weights.subarray(offset, offset + size).findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw refusal(`its tensor ${name} holds ${weights[offset + bad]}`);
  }
}

function refusal(reason: string): LearningError {
  return new LearningError('MELDMESH_LEARNING_FOREIGN', `the model from elsewhere cannot be used: ${reason}`);
}
