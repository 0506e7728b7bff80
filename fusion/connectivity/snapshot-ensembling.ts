// Snapshot ensembling: one training run whose rate falls along a cosine and starts again, a member at the end of each fall
// (Huang et al. 2017). It does not know how a model is run.
import { cosineRate } from './learning-rate.ts';
import { checkRange } from './model-points.ts';
import { type Collected, collectOnTheWay, type DescentOptions } from './trajectory.ts';

export interface SnapshotOptions extends DescentOptions {
  /** Members M. */
  readonly cycles: number;
  /** ⌈T / M⌉ steps of one fall. */
  readonly cycleSteps: number;
  /** Rate α₀ at the beginning of each cycle. */
  readonly rate: number;
}

/**
 * Usually from fresh weights; the last members are the best ones (section 3).
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC
 */
export function snapshotEnsemble(options: SnapshotOptions): readonly Collected[] {
  const { cycles, cycleSteps, rate } = options;
  checkRange('cycles', cycles, { min: 1, whole: true });
  checkRange('cycleSteps', cycleSteps, { min: 1, whole: true });
  checkRange('rate', rate, { min: 0 });
  return collectOnTheWay(options, {
    steps: cycles * cycleSteps,
    rate: cosineRate({ rate, cycleSteps }),
    isCollected: (steps) => steps % cycleSteps === 0,
  });
}
