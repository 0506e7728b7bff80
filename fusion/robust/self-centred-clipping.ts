// Self-centred clipping for pairwise gossip (ClippedGossip: He, Karimireddy, Jaggi, 2022).
import { FusionError } from '../errors.ts';
import { clipFactors } from './centred-clipping.ts';
import { distancesFromOwn, type Neighbourhood } from './neighbourhood.ts';

export interface SelfCentredClippingOptions extends Neighbourhood {
  /**
   * τ: a length, or how many of the largest differences are cut down to the length of the next one (twice the number of
   * attackers that one reckons with among the neighbours).
   */
  readonly clip: { readonly radius: number } | { readonly largest: number };
}

export interface ClippedGossip {
  readonly model: Float32Array;
  /** What clipping left of each neighbour's difference, in (0, 1]. */
  readonly factors: Float64Array;
  /** The τ that was used. */
  readonly radius: number;
}

/**
 *     xᵢ ← xᵢ + Σⱼ Wᵢⱼ (xⱼ − xᵢ) min(1, τ / ‖xⱼ − xᵢ‖)
 *
 * Breakdown: an attacker of weight Wᵢⱼ moves the model by at most Wᵢⱼ τ; with `largest` = 2b, τ is an honest difference for up to
 * b attackers. Cost O(n d). Models are whole, so nothing is absent. Without neighbours, or with no more than `largest` of
 * them, the own model stays: then nobody's difference is a measure.
 * @throws FusionError MELDMESH_FUSION_SHAPE, …_NOT_FINITE, …_SPEC (weights that sum up to more than 1, a bad `clip`)
 */
export function selfCentredClipping(options: SelfCentredClippingOptions): ClippedGossip {
  const { own, neighbours, clip } = options;
  const distances = distancesFromOwn(options);
  const total = neighbours.reduce((sum, { weight }) => sum + weight, 0);
  // Sums such as ten times 0.1 pass 1 by a rounding.
  if (total > 1 + 1e-9) {
    const text = `The mixing weights of the neighbours sum up to ${total}; at most 1 leaves room for the own model.`;
    throw new FusionError('MELDMESH_FUSION_SPEC', text);
  }
  const radius = radiusFrom(distances, clip);
  const factors = clipFactors(distances, radius);
  const sums = Float64Array.from(own);
  for (const [j, { values, weight }] of neighbours.entries()) {
    const part = weight * factors[j];
    for (let k = 0; k < sums.length; k++) sums[k] += part * (values[k] - own[k]);
  }
  return { model: Float32Array.from(sums), factors, radius };
}

function radiusFrom(distances: Float64Array, clip: SelfCentredClippingOptions['clip']): number {
  if ('radius' in clip) {
    if (clip.radius >= 0 && clip.radius < Number.POSITIVE_INFINITY) return clip.radius;
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `A clipping radius is not negative, and not ${clip.radius}.`,
    );
  }
  if (!Number.isInteger(clip.largest) || clip.largest < 0) {
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `Not ${clip.largest} but a whole number of models is clipped.`,
    );
  }
  return distances.toSorted().at(-1 - clip.largest) ?? 0;
}
