// Matching through soft permutations, after Sinkhorn re-basin (Peña et al., "Re-basin via implicit Sinkhorn differentiation", 2023)
// with the squared distance of the weights as the cost, and graduated assignment (Gold and Rangarajan, 1996): all units start
// alike and harden while the temperature falls. Each step is exact and needs no gradient, since the cost is linear in one permutation.
import { FusionError } from '../errors.ts';
import { identityPermutations } from '../symmetry/permutations.ts';
import type { Random } from '../types.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import { checkMixable } from './mixed-units.ts';
import { checkMatchedModels, likenessOf, type MatchedModels, type Matching } from './model-pair.ts';
import { nearestPermutations, RelaxedGains } from './relaxed-permutations.ts';
import { sinkhorn } from './sinkhorn.ts';
import { visitingOrder } from './visiting-order.ts';

export interface SoftMatchingOptions extends MatchedModels {
  /** Draws the orders in which permutations are visited. */
  readonly random: Random;
  /** Sweeps, each at a lower temperature. Default 12. */
  readonly sweeps?: number;
  readonly product?: MatrixProduct;
  /** After each sweep; for progress. */
  readonly onSweep?: (progress: { readonly sweep: number; readonly temperature: number }) => void;
}

const SWEEPS = 12;
/** First and last temperature, as a share of the standard deviation of a permutation's gains. */
const TEMPERATURE_FIRST = 0.5;
const TEMPERATURE_LAST = 0.02;
/** Rows need not be balanced to the last digit while they are soft. */
const ITERATIONS_MAX = 100;

/**
 * Permutations with a higher inner product of the two models, or none where softness found nothing better. Coordinate ascent on
 * Σ A · P(B) + temperature · entropy(P): with the others fixed, the best soft permutation is a Sinkhorn plan of its gains.
 * Throws a FusionError for models or a spec that do not fit, and units with permutations inside them.
 */
export function matchSoftly(options: SoftMatchingOptions): Matching {
  const {
    reference,
    model,
    layout,
    spec,
    random,
    sweeps = SWEEPS,
    product = multiplyRows,
    onSweep,
  } = options;
  checkMatchedModels(options);
  checkMixable(spec);
  if (!(Number.isSafeInteger(sweeps) && sweeps >= 1)) {
    throw new FusionError('MELDMESH_FUSION_SPEC', `soft matching needs a sweep or more, not ${sweeps}`);
  }
  const gains = new RelaxedGains({ weights: model, layout, spec, product });
  const matrices = new Map<string, Float64Array>(
    spec.permutations.map(({ name, size }) => [name, new Float64Array(size * size).fill(1 / size)]),
  );
  let temperature = TEMPERATURE_FIRST;
  for (let sweep = 1; sweep <= sweeps; sweep++) {
    temperature = TEMPERATURE_LAST + ((TEMPERATURE_FIRST - TEMPERATURE_LAST) * (sweeps - sweep)) / sweeps;
    for (const at of visitingOrder(spec.permutations.length, random)) {
      const { name, size } = spec.permutations[at];
      const scores = gains.of(name, reference, matrices);
      const deviation = deviationOf(scores);
      if (deviation === 0) continue;
      const settings = { temperature: temperature * deviation, iterationsMax: ITERATIONS_MAX };
      matrices.set(name, sinkhorn({ scores, rows: size, columns: size, ...settings }).plan);
    }
    onSweep?.({ sweep, temperature });
  }
  const before = likenessOf(options);
  const permutations = nearestPermutations(spec, matrices);
  const after = likenessOf(options, permutations);
  return after.objective > before.objective
    ? { permutations, before, after, sweeps }
    : { permutations: identityPermutations(spec), before, after: before, sweeps };
}

function deviationOf(scores: Float64Array): number {
  const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return Math.sqrt(scores.reduce((sum, score) => sum + (score - mean) * (score - mean), 0) / scores.length);
}
