export { type BatchNormOptions, reestimateBatchNorm } from './batch-norm.ts';
export { type AffineLayer, affineLayersOf, type BatchNormLayer, batchNormsOf } from './model-parts.ts';
export {
  applyRepairGoals,
  interpolateGoals,
  type LayerGoals,
  type RepairOptions,
  repairActivations,
  repairGoals,
} from './repair.ts';
export type { Repaired, RepairedLayer, RepairReport } from './repair-report.ts';
export { type MergeOptions, mergeModels } from './repaired-merge.ts';
export { correctVariance, type VarianceOptions } from './variance-correction.ts';
