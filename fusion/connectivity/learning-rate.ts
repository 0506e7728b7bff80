// Learning rates as functions of the step: the decay of curve finding, the triangles of fast geometric ensembling, the
// cosines of snapshot ensembling. They know no weights.

/** Steps count from 0. */
export type Rate = (step: number) => number;

/** Terms of the Taylor series of the cosine that matter in float64 up to π / 2. */
const COSINE_TERMS = 14;

/** Constant for half of the steps, then down to 1 % until nine tenths, then flat (reference code of Garipov et al. 2018). */
export function decayingRate(rate: number, steps: number): Rate {
  return (step) => {
    const share = step / steps;
    if (share <= 0.5) return rate;
    if (share >= 0.9) return 0.01 * rate;
    return rate * (1 - (0.99 * (share - 0.5)) / 0.4);
  };
}

/** From high down to low in half a cycle and up again in the other (Garipov et al. 2018, section 5). */
export function triangularRate(cycle: {
  readonly high: number;
  readonly low: number;
  readonly cycleSteps: number;
}): Rate {
  const { high, low, cycleSteps } = cycle;
  return (step) => {
    const share = ((step % cycleSteps) + 1) / cycleSteps;
    const down = share <= 0.5 ? 2 * share : 2 - 2 * share;
    return (1 - down) * high + down * low;
  };
}

/** From the rate to nearly 0 along half a cosine, then at once back (Huang et al. 2017, equation 2). */
export function cosineRate(cycle: { readonly rate: number; readonly cycleSteps: number }): Rate {
  const { rate, cycleSteps } = cycle;
  return (step) => (rate / 2) * (1 + cosineOfHalfTurn((step % cycleSteps) / cycleSteps));
}

/** cos(π · share) for shares in [0, 1] by its series: `Math.cos` may differ in the last bit from machine to machine. */
export function cosineOfHalfTurn(share: number): number {
  if (share > 0.5) return -cosineOfHalfTurn(1 - share);
  const square = Math.PI * share * (Math.PI * share);
  let sum = 1;
  for (let k = COSINE_TERMS; k > 0; k--) sum = 1 - (sum * square) / (2 * k * (2 * k - 1));
  return sum;
}
