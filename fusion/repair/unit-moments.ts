// Mean and variance of each unit over batches of values, one pass, in float64. It does not know what the values are.
import { FusionError } from '../errors.ts';

export interface UnitMoments {
  /** Samples, or pixels of them. */
  readonly rows: number;
  readonly mean: Float64Array;
  /** Of the population: divided by the rows. */
  readonly variance: Float64Array;
}

/**
 * Over batches of [rows, units], by Welford's recurrence (1962): no batch counts for more than its rows.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW without a row, _SHAPE for a batch that is not whole rows, _NOT_FINITE
 */
export function unitMoments(
  batches: Iterable<Float32Array>,
  place: { readonly name: string; readonly units: number },
): UnitMoments {
  const { name, units } = place;
  const mean = new Float64Array(units);
  const squares = new Float64Array(units);
  let rows = 0;
  for (const batch of batches) {
    if (batch.length % units !== 0) {
      const text = `${batch.length} values of ${name} are not whole rows of ${units} units; give [rows, ${units}]`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', text);
    }
    for (let start = 0; start < batch.length; start += units) {
      rows++;
      for (let unit = 0; unit < units; unit++) {
        const offset = batch[start + unit] - mean[unit];
        mean[unit] += offset / rows;
        squares[unit] += offset * (batch[start + unit] - mean[unit]);
      }
    }
  }
  if (rows === 0) {
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', `there is no sample for ${name}; give at least one`);
  }
  if (!mean.every(Number.isFinite) || !squares.every(Number.isFinite)) {
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', `a value of ${name} is not finite; check the models`);
  }
  return { rows, mean, variance: squares.map((square) => square / rows) };
}
