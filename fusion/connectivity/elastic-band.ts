// The nudged elastic band between two models (Henkelman and Jónsson 2000; Draxler et al. 2018): pivots that go
// down the loss across the band while they keep their distances along it. It does not know how a model is run.
import type { Gradient } from '../model-functions.ts';
import { checkLoss, createDescent, type Descent, type DescentRule } from './descent.ts';
import { distanceBetween, interpolate } from './model-points.ts';

/** Pivots, the ends included, and the share of the band's length that lies between each and the next. */
export interface Band {
  readonly pivots: readonly Float32Array[];
  readonly shares: readonly number[];
}

export interface BandRun {
  readonly gradient: Gradient;
  readonly rule: DescentRule;
  readonly rate: number;
  readonly steps: number;
  /** Number of the first step. */
  readonly firstStep: number;
}

/**
 * Relaxes the inner pivots in place. A step: spread them along the band (springs of infinite stiffness), take the
 * loss gradient at each, remove its part along the band, descend (Draxler et al. 2018, algorithm 1). The ends stay.
 */
export function relaxBand(band: Band, run: BandRun): void {
  const { pivots } = band;
  const size = pivots[0].length;
  const inner = pivots.length - 2;
  const descents: readonly Descent[] = Array.from({ length: inner }, () => createDescent(run.rule, size));
  const forces = Array.from({ length: inner }, () => new Float64Array(size));
  const losses = new Float64Array(pivots.length);
  for (let step = run.firstStep; step < run.firstStep + run.steps; step++) {
    spread(band);
    for (const [k, pivot] of pivots.entries()) {
      const { loss, gradient } = run.gradient(pivot, step);
      checkLoss(loss, step);
      losses[k] = loss;
      if (k > 0 && k <= inner) forces[k - 1].set(gradient);
    }
    for (let k = 1; k <= inner; k++) removeAlongBand(forces[k - 1], { pivots, losses, k });
    for (let k = 1; k <= inner; k++) descents[k - 1].step(pivots[k], forces[k - 1], run.rate);
  }
  spread(band);
}

/** Moves inner pivots along the straight pieces of the band to where its shares put them. */
export function spread({ pivots, shares }: Band): void {
  const last = pivots.length - 1;
  const before = pivots.map((pivot) => pivot.slice());
  const lengths = before.slice(1).map((pivot, k) => distanceBetween(before[k], pivot));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (total === 0) return;
  let piece = 0;
  let passed = 0;
  let target = 0;
  for (let k = 1; k < last; k++) {
    target += total * shares[k - 1];
    while (piece < last - 1 && passed + lengths[piece] < target) passed += lengths[piece++];
    const t = lengths[piece] > 0 ? Math.min(1, (target - passed) / lengths[piece]) : 0;
    interpolate({ from: before[piece], to: before[piece + 1], t, room: pivots[k] });
  }
}

/** The tangent points to the neighbour of higher loss (Draxler et al. 2018, after Henkelman and Jónsson 2000). */
function removeAlongBand(
  force: Float64Array,
  at: { readonly pivots: readonly Float32Array[]; readonly losses: Float64Array; readonly k: number },
): void {
  const { pivots, losses, k } = at;
  const isUphill = losses[k + 1] > losses[k - 1];
  const [behind, ahead] = isUphill ? [pivots[k], pivots[k + 1]] : [pivots[k - 1], pivots[k]];
  let [along, square] = [0, 0];
  for (let i = 0; i < force.length; i++) {
    const tangent = ahead[i] - behind[i];
    along += force[i] * tangent;
    square += tangent * tangent;
  }
  if (square === 0) return;
  const share = along / square;
  for (let i = 0; i < force.length; i++) force[i] -= share * (ahead[i] - behind[i]);
}
