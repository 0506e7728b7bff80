// What this room must be told of a model that it has to run: plain functions over the flat vector. It does not know what
// stands behind them, kernels, a framework or a formula, nor which samples they look at.
//
// All of them answer at once, as training does here: a rule calls them from an inner loop, and none of them suspends.

/** What a model scored on the samples of whoever made the function. */
export interface Evaluation {
  /** Mean loss over the samples; lower is better. */
  readonly loss: number;
  /** Share of the samples that are right, in [0, 1]; absent where the loss is all there is. */
  readonly accuracy?: number;
}

/** Runs a whole model, flat in the order of its layout. The same weights give the same numbers. */
export type Evaluate = (weights: Float32Array) => Evaluation;

export interface LossGradient {
  /** Mean loss of the batch at these weights. */
  readonly loss: number;
  /** By every weight, as long as the model. Valid until the next call; not changed by the caller. */
  readonly gradient: Float32Array;
}

/** Loss and gradient at these weights over the batch of this step. Steps count from 0; a step always means the same batch. */
export type Gradient = (weights: Float32Array, step: number) => LossGradient;

/**
 * Values of the units of one place in the network on the function's own samples, a batch at a time: [rows, units],
 * row-major. A pixel of a feature map is a row, a channel is a unit. An array is valid until the next one of the same model is
 * asked for; two models may be walked through in turn. What `place` names is up to the rule: matching asks by the name of a
 * permutation for what the units put out, repair by the name of a layer for what goes into its activation. The same samples
 * come in the same order for every model.
 */
export type Activations = (weights: Float32Array, place: string) => Iterable<Float32Array>;
