// BALANCE for pairwise gossip (Fang et al., 2024): a neighbour is heard if it is near enough to one's own model.
import { FusionError } from '../errors.ts';
import { exponential } from '../exponential.ts';
import { distancesFromOwn, type Neighbourhood, squaredNorm } from './neighbourhood.ts';

export interface BalanceOptions extends Neighbourhood {
  /** t / T, how far training is, 0 … 1. */
  readonly progress: number;
  /** γ: how far a neighbour may be at the start, as a part of the own model's norm. Default 0.3. */
  readonly gamma?: number;
  /** κ: how fast that shrinks. Default 1. */
  readonly kappa?: number;
  /** α: the part of the own model. Default 0.5. */
  readonly alpha?: number;
}

export interface Balanced {
  readonly model: Float32Array;
  /** Numbers of the neighbours that were near enough. */
  readonly accepted: readonly number[];
  readonly distances: Float64Array;
  /** How near they had to be. */
  readonly threshold: number;
}

/**
 *     accept j if ‖xᵢ − xⱼ‖ ≤ γ e^(−κ t/T) ‖xᵢ‖,   xᵢ ← α xᵢ + (1 − α) · weighted mean of the accepted
 *
 * Breakdown: no number; an attacker moves the model by at most (1 − α) times the threshold. Cost O(n d). Models are whole, so
 * nothing is absent. Where nobody is near enough, or nobody is there, the own model stays.
 * @throws FusionError MELDMESH_FUSION_SHAPE, …_NOT_FINITE, …_SPEC (an option out of its range)
 */
export function balance(options: BalanceOptions): Balanced {
  const { own, neighbours, progress, gamma = 0.3, kappa = 1, alpha = 0.5 } = options;
  checkRange('progress', progress, 1);
  checkRange('gamma', gamma, 1_000);
  checkRange('kappa', kappa, 1_000);
  checkRange('alpha', alpha, 1);
  const distances = distancesFromOwn(options);
  const threshold = gamma * exponential(-kappa * progress) * Math.sqrt(squaredNorm(own));
  const accepted = Array.from(neighbours.keys()).filter((j) => distances[j] <= threshold);
  if (accepted.length === 0) return { model: own.slice(), accepted, distances, threshold };

  const sums = new Float64Array(own.length);
  let total = 0;
  for (const j of accepted) {
    const { values, weight } = neighbours[j];
    total += weight;
    for (let k = 0; k < sums.length; k++) sums[k] += weight * values[k];
  }
  const model = own.map((value, k) => alpha * value + (1 - alpha) * (sums[k] / total));
  return { model, accepted, distances, threshold };
}

function checkRange(name: string, value: number, most: number): void {
  if (value >= 0 && value <= most) return;
  throw new FusionError('MELDMESH_FUSION_SPEC', `${name} is from 0 to ${most}, and not ${value}.`);
}
