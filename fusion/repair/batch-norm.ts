// Batch-norm re-estimation: the running statistics of a merged model are measured anew (Jordan et al. 2023; Izmailov
// et al. 2018, `bn_update`). It does not know how a model is run.

import type { Activations } from '../model-functions.ts';
import type { ModelLayout } from '../types.ts';
import { checkModels } from './merged-model.ts';
import { type BatchNormLayer, batchNormsOf, tensorNamed } from './model-parts.ts';
import { type Repaired, type RepairedLayer, repairedCount } from './repair-report.ts';
import { unitMoments } from './unit-moments.ts';

export interface BatchNormOptions {
  readonly layout: ModelLayout;
  /** The merged model; not changed. */
  readonly weights: Float32Array;
  /** Asked by the name of a norm for what goes into it, the model running as in inference. */
  readonly inputsOf: Activations;
  /** In the order in which data passes them. Default: by the names of the running statistics. */
  readonly norms?: readonly BatchNormLayer[];
}

/**
 * Sets running mean and variance of every norm to those of its inputs, norm after norm, so that each is measured behind
 * norms that are right already. Without momentum: every sample counts alike, as if all of them were one batch. (PyTorch's
 * cumulative mode averages over batches that were normalised by themselves and takes the unbiased variance; with batches
 * of some hundred samples the two agree to a few per mille.) Running it again changes nothing.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _TOO_FEW without samples
 */
export function reestimateBatchNorm(options: BatchNormOptions): Repaired {
  const { layout, norms = batchNormsOf(layout) } = options;
  checkModels([options.weights], layout);
  const weights = options.weights.slice();
  const layers = norms.map((norm): RepairedLayer => {
    const mean = tensorNamed(layout, norm.mean);
    const variance = tensorNamed(layout, norm.variance);
    const { name } = norm;
    const moments = unitMoments(options.inputsOf(weights, name), { name, units: mean.size });
    weights.set(moments.mean, mean.offset);
    weights.set(moments.variance, variance.offset);
    return { name, isRepaired: true };
  });
  const summary =
    layers.length === 0
      ? 'the model has no batch norm; nothing was measured'
      : `batch-norm statistics of ${repairedCount(layers)} measured again`;
  return { weights, report: { method: 'batch-norm', summary, layers } };
}
