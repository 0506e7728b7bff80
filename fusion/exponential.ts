// The exponential and the natural logarithm from sums and products alone, so that every machine counts the same bits; those of an
// engine may differ in the last. Within two units in the last place.

/** ln 2 in two parts, so that a multiple of it loses nothing: the first has 32 bits, Cody and Waite (1980). */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

const EXPONENT_MIN = -1074;
const EXPONENT_MAX = 1023;
/** 2^k at k − EXPONENT_MIN. */
const POWERS = Float64Array.from(
  { length: EXPONENT_MAX - EXPONENT_MIN + 1 },
  (_, k) => 2 ** (k + EXPONENT_MIN),
);
/** 1 / k! down from k = 13: beyond, what is left of a remainder below ln 2 / 2 no longer counts. */
const INVERSE_FACTORIALS = inverseFactorials(13);

function inverseFactorials(last: number): Float64Array {
  const values = new Float64Array(last + 1);
  for (let k = 0, factorial = 1; k <= last; k++, factorial *= k) values[last - k] = 1 / factorial;
  return values;
}

/** e^x; 0 below the smallest float64, Infinity beyond the largest. */
export function exponential(x: number): number {
  if (Number.isNaN(x)) return x;
  if (x > 709.782712893384) return Number.POSITIVE_INFINITY;
  if (x < -745.2) return 0;
  const power = Math.round(x * Math.LOG2E);
  const rest = x - power * LN2_HIGH - power * LN2_LOW;
  let sum = 0;
  for (let k = 0; k < INVERSE_FACTORIALS.length; k++) sum = sum * rest + INVERSE_FACTORIALS[k];
  // In two factors where one would leave the range before the product does.
  if (power > EXPONENT_MAX || power < -1022) {
    const half = Math.trunc(power / 2);
    return sum * POWERS[half - EXPONENT_MIN] * POWERS[power - half - EXPONENT_MIN];
  }
  return sum * POWERS[power - EXPONENT_MIN];
}

/** ln x; −Infinity of 0, NaN of what is negative. */
export function logarithm(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN;
  if (x === 0) return Number.NEGATIVE_INFINITY;
  if (x === Number.POSITIVE_INFINITY) return x;
  const power = exponentOf(x);
  const half = Math.trunc(power / 2);
  const mantissa = x / POWERS[half - EXPONENT_MIN] / POWERS[power - half - EXPONENT_MIN];
  // ln m = 2 artanh s, with |s| below 0.172 for m between √½ and √2.
  const s = (mantissa - 1) / (mantissa + 1);
  let sum = 0;
  for (let k = 23; k >= 1; k -= 2) sum = sum * s * s + 1 / k;
  return power * LN2_HIGH + (2 * s * sum + power * LN2_LOW);
}

/** k for which x / 2^k lies between √½ and √2, by halving the range. */
function exponentOf(x: number): number {
  let [low, high] = [EXPONENT_MIN, EXPONENT_MAX];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (POWERS[middle - EXPONENT_MIN] <= x) low = middle;
    else high = middle - 1;
  }
  const mantissa = x / POWERS[low - EXPONENT_MIN];
  return mantissa > Math.SQRT2 ? low + 1 : low;
}
