// AutoNEB: elastic bands with more and more pivots where the loss between them is still high (Draxler et al. 2018). It
// does not know how a model is run.
import type { Evaluate, Gradient } from '../model-functions.ts';
import type { DescentRule } from './descent.ts';
import { SGD } from './descent.ts';
import { type Band, relaxBand } from './elastic-band.ts';
import { checkPoints, checkRange, interpolate } from './model-points.ts';
import { chainPath, linePath, type Path } from './path.ts';
import { type PathPoint, profilePath } from './path-profile.ts';

export interface AutoNebOptions {
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly gradient: Gradient;
  /** Looks at the whole chain after each cycle. */
  readonly evaluate: Evaluate;
  /**
   * One relaxation each, usually of a falling rate. The authors: six of 0.1, four of 0.01, four of 0.001, 1,000 steps or
   * more.
   */
  readonly cycles: readonly { readonly steps: number; readonly rate: number }[];
  /** Inner pivots of the first cycle. Default 3. */
  readonly pivots?: number;
  /** Default SGD with momentum 0.9. */
  readonly rule?: DescentRule;
  /** Places looked at between two pivots. Default 9, as the authors'. */
  readonly placesBetween?: number;
  /**
   * A pivot is added where the loss is above the line between two pivots by this share of the chain's range. Default 0.1.
   */
  readonly threshold?: number;
  /** Pivots added between two cycles, where the loss sticks out most. Default 2, as the authors'. */
  readonly newPivotsMax?: number;
  readonly onCycle?: (cycle: BandCycle, of: number) => void;
}

export interface BandCycle {
  /** From 0. */
  readonly cycle: number;
  /** Ends included. */
  readonly pivots: number;
  /** Highest loss on the chain, between pivots too. */
  readonly saddleLoss: number;
}

export interface ElasticBand {
  readonly path: Path;
  /** Ends included. */
  readonly points: readonly Float32Array[];
  readonly saddleLoss: number;
  readonly cycles: readonly BandCycle[];
}

/**
 * Relaxes a band for each cycle and adds pivots between two cycles (algorithm 2); gives the chain of the lowest saddle, the
 * straight line among them, which is what it starts from.
 * @throws FusionError MELDMESH_FUSION_SHAPE, _NOT_FINITE, _SPEC
 */
export function autoNeb(options: AutoNebOptions): ElasticBand {
  const { from, to, rule = SGD, pivots: first = 3, placesBetween = 9, threshold = 0.1 } = options;
  const { newPivotsMax = 2 } = options;
  checkPoints([from, to], 2);
  checkRange('pivots', first, { min: 1, max: 1_000, whole: true });
  checkRange('placesBetween', placesBetween, { min: 1, max: 1_000, whole: true });
  checkRange('threshold', threshold, { min: 0 });
  checkRange('newPivotsMax', newPivotsMax, { min: 0, max: 1_000, whole: true });
  const line = profilePath(linePath(options), {
    evaluate: options.evaluate,
    points: (first + 1) * (placesBetween + 1) + 1,
  });
  let best: Omit<ElasticBand, 'cycles'> = {
    path: linePath(options),
    points: [from, to],
    saddleLoss: line.worst.loss,
  };
  let band: Band = {
    pivots: Array.from({ length: first + 2 }, (_, k) => interpolate({ from, to, t: k / (first + 1) })),
    shares: Array.from({ length: first + 1 }, () => 1 / (first + 1)),
  };
  const cycles: BandCycle[] = [];
  let firstStep = 0;
  for (const [cycle, { steps, rate }] of options.cycles.entries()) {
    checkRange('steps', steps, { min: 1, whole: true });
    checkRange('rate', rate, { min: 0 });
    relaxBand(band, { gradient: options.gradient, rule, rate, steps, firstStep });
    firstStep += steps;
    const { pivots } = band;
    const path = chainPath(pivots);
    const places = (pivots.length - 1) * (placesBetween + 1) + 1;
    const { points, worst } = profilePath(path, { evaluate: options.evaluate, points: places });
    cycles.push({ cycle, pivots: pivots.length, saddleLoss: worst.loss });
    options.onCycle?.(cycles[cycle], options.cycles.length);
    if (worst.loss < best.saddleLoss) best = { path, points: pivots, saddleLoss: worst.loss };
    band = withNewPivots(band, { places: points, placesBetween, threshold, newPivotsMax });
  }
  return { ...best, cycles };
}

/** A copy of the band with a pivot more in the gaps whose highest place sticks out most over the line between its pivots. */
function withNewPivots(
  { pivots, shares }: Band,
  seen: {
    readonly places: readonly PathPoint[];
    readonly placesBetween: number;
    readonly threshold: number;
    readonly newPivotsMax: number;
  },
): Band {
  const { places, placesBetween, threshold, newPivotsMax } = seen;
  const losses = places.map(({ loss }) => loss);
  const highest = losses.reduce((most, loss) => Math.max(most, loss));
  const lowest = losses.reduce((least, loss) => Math.min(least, loss));
  const gaps = shares.map((_, gap) => {
    const first = gap * (placesBetween + 1);
    return highestPlace(losses.slice(first, first + placesBetween + 2));
  });
  const filled = gaps
    .filter(({ height }) => height > threshold * (highest - lowest))
    .sort((a, b) => b.height - a.height)
    .slice(0, newPivotsMax);
  const [start] = pivots;
  const band: { readonly pivots: Float32Array[]; readonly shares: number[] } = {
    pivots: [start.slice()],
    shares: [],
  };
  for (const [gap, place] of gaps.entries()) {
    if (filled.includes(place)) {
      band.pivots.push(interpolate({ from: pivots[gap], to: pivots[gap + 1], t: place.t }));
      band.shares.push(place.t * shares[gap], (1 - place.t) * shares[gap]);
    } else band.shares.push(shares[gap]);
    band.pivots.push(pivots[gap + 1].slice());
  }
  return band;
}

/** Over the line between the first and the last of these losses. */
function highestPlace(losses: readonly number[]): { readonly t: number; readonly height: number } {
  const last = losses.length - 1;
  let best = { t: 0, height: 0 };
  for (let i = 1; i < last; i++) {
    const t = i / last;
    const height = losses[i] - ((1 - t) * losses[0] + t * losses[last]);
    if (height > best.height) best = { t, height };
  }
  return best;
}
