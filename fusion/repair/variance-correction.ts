// Variance-corrected averaging: the mean of models that have little in common has smaller weights than any of them; each
// kernel is scaled back (Tian et al. 2024, "Vanishing variance problem in fully decentralized neural-network systems").
// It needs no data and knows nothing of what a model computes.
import type { ModelLayout, TensorLayout } from '../types.ts';
import { checkModels, sharesOf } from './merged-model.ts';
import type { Repaired, RepairedLayer } from './repair-report.ts';
import { repairedCount } from './repair-report.ts';

/** Share of the goal below which a tensor's variance is rounding of float32. */
const CONSTANT_SHARE = 1e-12;

export interface VarianceOptions {
  readonly layout: ModelLayout;
  /** The models that were averaged. */
  readonly ends: readonly Float32Array[];
  /** How much each counts, as in the average. Default: equal. */
  readonly shares?: readonly number[];
  /** Their average; not changed. */
  readonly merged: Float32Array;
}

/**
 * For each tensor of two axes or more: w ← (w − mean) · √(Σ share_k · var_k / var) + mean, over all of its entries. Meant
 * for models early in training that were started apart; of models that agree the factor is 1. Biases and norms, one axis
 * each, stay.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE, _SPEC
 */
export function correctVariance(options: VarianceOptions): Repaired {
  const { layout, ends, merged } = options;
  checkModels([merged, ...ends], layout);
  const shares = sharesOf(ends.length, options.shares);
  const weights = merged.slice();
  const layers = layout.tensors
    .filter(({ shape }) => shape.length >= 2)
    .map((tensor): RepairedLayer => {
      const held = momentsOf(merged, tensor);
      const goal = ends.reduce((sum, end, k) => sum + shares[k] * momentsOf(end, tensor).variance, 0);
      const { name, offset, size } = tensor;
      if (held.variance <= CONSTANT_SHARE * goal || goal === 0)
        return { name, isRepaired: false, note: 'its entries are all equal' };
      const factor = Math.sqrt(goal / held.variance);
      for (let i = offset; i < offset + size; i++) weights[i] = (merged[i] - held.mean) * factor + held.mean;
      return { name, isRepaired: true, scaleMin: factor, scaleMax: factor };
    });
  const summary =
    layers.length === 0
      ? 'the model has no kernel; nothing was done'
      : `variance of ${repairedCount(layers)} brought to the mean of the ends`;
  return { weights, report: { method: 'variance', summary, layers } };
}

/** Two passes in float64. */
function momentsOf(
  weights: Float32Array,
  { offset, size }: TensorLayout,
): { readonly mean: number; readonly variance: number } {
  let sum = 0;
  for (let i = offset; i < offset + size; i++) sum += weights[i];
  const mean = sum / size;
  let squares = 0;
  for (let i = offset; i < offset + size; i++) squares += (weights[i] - mean) * (weights[i] - mean);
  return { mean, variance: squares / size };
}
