// An average of models that never forgets their statistics: what is needed is done where it can be, and the report says
// what was not done and why. It does not align: models come matched, or from one start.
import { combine } from '../connectivity/model-points.ts';
import type { Activations } from '../model-functions.ts';
import type { ModelLayout } from '../types.ts';
import { reestimateBatchNorm } from './batch-norm.ts';
import { checkModels, sharesOf } from './merged-model.ts';
import { type AffineLayer, type BatchNormLayer, batchNormsOf } from './model-parts.ts';
import { repairActivations } from './repair.ts';
import type { Repaired, RepairReport } from './repair-report.ts';
import { correctVariance } from './variance-correction.ts';

export interface MergeOptions {
  readonly layout: ModelLayout;
  readonly models: readonly Float32Array[];
  /** How much each counts; scaled to a sum of 1. Default: equal. */
  readonly shares?: readonly number[];
  /**
   * `auto`: batch norms are measured again where there are any. `repair`: that, and without batch norm REPAIR.
   * `variance`: scaling without data. Default auto.
   */
  readonly method?: 'auto' | 'none' | 'repair' | 'variance';
  /** Inputs of a norm or pre-activations of a layer by its name; without it nothing is measured. */
  readonly activations?: Activations;
  readonly norms?: readonly BatchNormLayer[];
  readonly layers?: readonly AffineLayer[];
}

/**
 * Σ share_k · model_k, then the repair of its statistics.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE, _SPEC
 */
export function mergeModels(options: MergeOptions): Repaired {
  const { layout, models, method = 'auto', activations, norms = batchNormsOf(layout) } = options;
  checkModels(models, layout);
  const shares = sharesOf(models.length, options.shares);
  const merged = combine({ points: models, coefficients: shares });
  const parents = { layout, ends: models, shares, merged };
  if (method === 'none') return { weights: merged, report: untouched(norms, 'nobody asked for it') };
  if (method === 'variance') return correctVariance(parents);
  const measures = norms.length > 0 || method === 'repair';
  if (measures && activations === undefined) {
    return { weights: merged, report: untouched(norms, 'there is no data to run the models on') };
  }
  if (activations === undefined || !measures) {
    return { weights: merged, report: untouched(norms, 'the model has no batch norm') };
  }
  if (norms.length > 0) return reestimateBatchNorm({ layout, weights: merged, inputsOf: activations, norms });
  return repairActivations({ ...parents, preActivations: activations, layers: options.layers });
}

function untouched(norms: readonly BatchNormLayer[], why: string): RepairReport {
  const note = `its statistics are averages of the models' own: ${why}`;
  return {
    method: 'none',
    summary: `no statistics were repaired: ${why}`,
    layers: norms.map(({ name }) => ({ name, isRepaired: false, note })),
  };
}
