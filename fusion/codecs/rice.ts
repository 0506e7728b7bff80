// Which Rice parameter is the right one. With parameter r a gap g costs floor(g / 2^r) + 1 + r bits. Going from r to
// r + 1 costs one bit an entry and saves ceil(floor(g / 2^r) / 2), which shrinks as r grows: the cost is
// convex in r, and the first r whose successor is no cheaper is the best.

export const RICE_MAX = 30;

/** The smallest parameter with the fewest bits for these gaps. */
export function fitRice(gaps: Uint32Array): number {
  let rice = 0;
  while (rice < RICE_MAX && savedByNextOf(gaps, rice) > gaps.length) rice++;
  return rice;
}

/** Bits that `rice` + 1 saves over `rice` in the unary part of this gap. */
export function savedByNext(gap: number, rice: number): number {
  return ((gap >>> rice) + 1) >>> 1;
}

function savedByNextOf(gaps: Uint32Array, rice: number): number {
  let saved = 0;
  for (let i = 0; i < gaps.length; i++) saved += savedByNext(gaps[i], rice);
  return saved;
}

/**
 * Whether `fitRice` would have chosen `rice`, from what it saves over its predecessor (`below`) and what
 * its successor saves over it (`above`), each summed over the gaps.
 */
export function isRiceFit(
  saved: { readonly below: number; readonly above: number },
  rice: number,
  count: number,
): boolean {
  return (rice === RICE_MAX || saved.above <= count) && (rice === 0 || saved.below > count);
}

/** No `count` ascending indices below `size` need more bits than this with their best parameter. */
export function riceBitsMax(count: number, size: number): number {
  let best = Number.POSITIVE_INFINITY;
  for (let rice = 0; rice <= RICE_MAX; rice++) {
    best = Math.min(best, count * (rice + 1) + ((size - count) >>> rice));
  }
  return best;
}
