// How the chosen entries of a `top` codec say their values: a few scales, then one short code an entry.
// Every code's meaning is a table, in which NaN marks the codes that no encoder writes.
import { clamp, isScale, scaleFor } from './magnitude.ts';

export interface ValueCoding {
  /** Bits of one code. */
  readonly bits: number;
  readonly scaleCount: number;
  encode(values: Float32Array): { readonly scales: readonly number[]; readonly codes: Uint8Array };
  areScales(scales: readonly number[]): boolean;
  /** Decoded float32 of every code. */
  table(scales: readonly number[]): Float64Array;
}

/** One scale and integers −127 … 127 in two's complement, rounded to the nearest. */
const eightBits: ValueCoding = {
  bits: 8,
  scaleCount: 1,
  encode(values) {
    let largest = 0;
    for (let i = 0; i < values.length; i++) largest = Math.max(largest, Math.abs(values[i]));
    const scale = scaleFor(largest, 127);
    const codes = new Uint8Array(values.length);
    if (scale === 0) return { scales: [scale], codes };
    for (let i = 0; i < values.length; i++) {
      const integer = Math.min(127, Math.round(Math.abs(values[i]) / scale));
      codes[i] = values[i] < 0 ? -integer : integer;
    }
    return { scales: [scale], codes };
  },
  areScales: ([scale]) => isScale(scale, 127),
  table([scale]) {
    const table = new Float64Array(256).fill(Number.NaN);
    table[0] = 0;
    if (scale === 0) return table;
    for (let integer = 1; integer <= 127; integer++) {
      table[integer] = Math.fround(integer * scale);
      table[256 - integer] = -table[integer];
    }
    return table;
  },
};

/** Low bit: negative. High bit: which of two magnitudes; each is the mean of its side of the mean magnitude. */
const twoBits: ValueCoding = {
  bits: 2,
  scaleCount: 2,
  encode(values) {
    const split = meanMagnitude(values);
    const below = meanMagnitude(values.filter((value) => Math.abs(value) <= split));
    const above = meanMagnitude(values.filter((value) => Math.abs(value) > split));
    // Where all magnitudes are equal nobody lies above, and both scales say the same.
    const scales = [below, Math.max(below, above)].map((scale) => Math.fround(clamp(scale)));
    const codes = Uint8Array.from(values, (value) => {
      const upper = Math.abs(value) > split ? 1 : 0;
      return (upper << 1) | (value < 0 && scales[upper] > 0 ? 1 : 0);
    });
    return { scales, codes };
  },
  areScales: ([low, high]) => isScale(low) && isScale(high) && low <= high,
  table: ([low, high]) => Float64Array.of(low, minus(low), high, minus(high)),
};

/** One bit: negative. One scale, the mean magnitude. */
const oneBit: ValueCoding = {
  bits: 1,
  scaleCount: 1,
  encode(values) {
    const scale = Math.fround(clamp(meanMagnitude(values)));
    return { scales: [scale], codes: Uint8Array.from(values, (value) => (value < 0 && scale > 0 ? 1 : 0)) };
  },
  areScales: ([scale]) => isScale(scale),
  table: ([scale]) => Float64Array.of(scale, minus(scale)),
};

export const valueCodings: Readonly<Record<'8' | '2' | '1', ValueCoding>> = {
  8: eightBits,
  2: twoBits,
  1: oneBit,
};

/** Zero has no negative: its code would be a second text for the same value. */
function minus(scale: number): number {
  return scale === 0 ? Number.NaN : -scale;
}

function meanMagnitude(values: Float32Array): number {
  if (values.length === 0) return 0;
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.abs(values[i]);
  return sum / values.length;
}
