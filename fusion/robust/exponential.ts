// e^x from sums, products and a quotient alone, so that all machines get the same bits.

/** Halvings that bring the argument of e^x down to at most 1/8 for |x| up to 2^10, where 12 terms are exact to 2^-53. */
const REDUCED = 1 / 8;
const TERMS = 12;

/** e^x for finite x, within a few units of the last place times |x|. */
export function exponential(x: number): number {
  let halvings = 0;
  let reduced = x;
  while (Math.abs(reduced) > REDUCED) {
    reduced /= 2;
    halvings++;
  }
  let sum = 1;
  for (let term = TERMS; term >= 1; term--) sum = 1 + (reduced / term) * sum;
  for (let i = 0; i < halvings; i++) sum *= sum;
  return sum;
}
