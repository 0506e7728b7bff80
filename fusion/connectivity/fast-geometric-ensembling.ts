// Fast geometric ensembling: short triangles of the learning rate walk along a curve of low loss, and each of their
// minima gives a member (Garipov et al. 2018, section 5). It does not know how a model is run.
import { triangularRate } from './learning-rate.ts';
import { checkRange } from './model-points.ts';
import { type Collected, collectOnTheWay, type DescentOptions } from './trajectory.ts';

export interface FastGeometricOptions extends DescentOptions {
  readonly cycles: number;
  /** Of one triangle; even. A few epochs. */
  readonly cycleSteps: number;
  /** Rate at the corners and in the middle of a cycle. */
  readonly high: number;
  readonly low: number;
}

/**
 * From a trained model, one member for each cycle, taken where the rate is lowest, in the middle of the cycle.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC
 */
export function fastGeometricEnsemble(options: FastGeometricOptions): readonly Collected[] {
  const { cycles, cycleSteps, high, low } = options;
  checkRange('cycles', cycles, { min: 1, whole: true });
  checkRange('cycleSteps / 2', cycleSteps / 2, { min: 1, whole: true });
  checkRange('low', low, { min: 0, max: high });
  return collectOnTheWay(options, {
    // Nothing is collected after the last minimum.
    steps: cycles * cycleSteps - cycleSteps / 2,
    rate: triangularRate({ high, low, cycleSteps }),
    isCollected: (steps) => steps % cycleSteps === cycleSteps / 2,
  });
}
