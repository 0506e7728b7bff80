// Checks on models that are to be merged and on their shares. It does not merge.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';

/**
 * Models of one layout with finite weights.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW, _SHAPE, _NOT_FINITE with the tensor
 */
export function checkModels(models: readonly Float32Array[], layout: ModelLayout): void {
  if (models.length === 0)
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', 'there is no model; give at least one');
  for (const [index, model] of models.entries()) {
    if (model.length !== layout.size) {
      const text = `model ${index} has ${model.length} weights and the layout ${layout.size}; give models of this layout`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', text);
    }
    const bad = model.findIndex((value) => !Number.isFinite(value));
    if (bad < 0) continue;
    const holds = ({ offset, size }: TensorLayout) => bad >= offset && bad < offset + size;
    const tensor = layout.tensors.find(holds)?.name ?? `weight ${bad}`;
    const text = `${tensor} of model ${index} holds ${model[bad]}; leave models out whose training diverged`;
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', text);
  }
}

/**
 * Shares that add up to 1, one a model: the given weights, or equal ones.
 * @throws FusionError MELDMESH_FUSION_SPEC for negative ones, or none above 0
 */
export function sharesOf(count: number, given: readonly number[] | undefined): readonly number[] {
  const shares = given ?? Array.from({ length: count }, () => 1);
  const total = shares.reduce((sum, share) => sum + share, 0);
  const isGood = shares.length === count && shares.every((share) => share >= 0) && total > 0;
  if (isGood && Number.isFinite(total)) return shares.map((share) => share / total);
  const text = `the shares ${shares.join(', ')} do not fit ${count} models; give one of at least 0 to each`;
  throw new FusionError('MELDMESH_FUSION_SPEC', text);
}
