// What rules of pairwise gossip share: a member's own model, the models it heard, and the distances between them.
import { FusionError } from '../errors.ts';

export interface Neighbour {
  /** Its whole model, flat. */
  readonly values: Float32Array;
  /** For self-centred clipping the mixing weight Wᵢⱼ, for BALANCE the weight in the mean; above zero. */
  readonly weight: number;
  readonly name?: string;
}

export interface Neighbourhood {
  /** One's own model, flat; stays as it is. */
  readonly own: Float32Array;
  /** Their order is the order of all sums. */
  readonly neighbours: readonly Neighbour[];
}

/**
 * ‖xⱼ − xᵢ‖ for every neighbour j of the own model xᵢ, in float64.
 * @throws FusionError MELDMESH_FUSION_SHAPE, …_NOT_FINITE, …_SPEC (a weight), with the neighbour
 */
export function distancesFromOwn({ own, neighbours }: Neighbourhood): Float64Array {
  if (!Number.isFinite(squaredNorm(own))) {
    throw new FusionError(
      'MELDMESH_FUSION_NOT_FINITE',
      'The own model has NaN or an infinity; restore it first.',
    );
  }
  return Float64Array.from(neighbours, ({ values, weight, name }, index) => {
    const who = name ?? `neighbour ${index}`;
    if (values.length !== own.length) {
      const text = `${who} has ${values.length} values, the own model has ${own.length}.`;
      throw new FusionError('MELDMESH_FUSION_SHAPE', text);
    }
    if (!(weight > 0 && weight <= Number.MAX_SAFE_INTEGER)) {
      throw new FusionError('MELDMESH_FUSION_SPEC', `${who} weighs ${weight}; give a weight above 0.`);
    }
    let sum = 0;
    for (let k = 0; k < own.length; k++) sum += (values[k] - own[k]) * (values[k] - own[k]);
    if (Number.isFinite(sum)) return Math.sqrt(sum);
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', `${who} has NaN or an infinity; leave it out.`);
  });
}

export function squaredNorm(values: Float32Array): number {
  let sum = 0;
  for (let k = 0; k < values.length; k++) sum += values[k] * values[k];
  return sum;
}
