// The k entries of largest magnitude, exactly and in linear time: a histogram over the high bits of the magnitudes
// finds the bin of the k-th, and histograms over the lower bits of what lies in that bin find its value. Knows no codec.
import { assert } from '../assert.ts';
import { INFINITY_BITS } from './magnitude.ts';

/** Bits of a magnitude, without the sign, that each histogram looks at: so few that they stay in the nearest cache. */
const HIGH_BITS = 12;
const MIDDLE_BITS = 10;
const LOW_BITS = 31 - HIGH_BITS - MIDDLE_BITS;
const SIGNLESS = 0x7fffffff;

/** Ascending indices of the `count` largest magnitudes; of equal ones the lower index goes first. */
export function largestIndices(values: Float32Array, count: number): Uint32Array {
  assert(count >= 1 && count <= values.length, 'the selection fits into the vector');
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const high = new Uint32Array(1 << HIGH_BITS);
  for (let i = 0; i < bits.length; i++) high[(bits[i] & SIGNLESS) >>> (MIDDLE_BITS + LOW_BITS)]++;
  assert(
    high.subarray(INFINITY_BITS >>> (MIDDLE_BITS + LOW_BITS)).every((others) => others === 0),
    'only finite numbers are encoded',
  );
  const coarse = binOf(high, count);

  // Whatever is not below the bin: few where magnitudes differ.
  const candidates = new Uint32Array(coarse.above + high[coarse.bin]);
  const edge = coarse.bin << (MIDDLE_BITS + LOW_BITS);
  let found = 0;
  for (let i = 0; found < candidates.length; i++) if ((bits[i] & SIGNLESS) >= edge) candidates[found++] = i;

  const middle = refine({ bits, candidates, prefix: coarse.bin, shift: LOW_BITS, width: MIDDLE_BITS });
  const medium = binOf(middle, count - coarse.above);
  const prefix = (coarse.bin << MIDDLE_BITS) | medium.bin;
  const low = refine({ bits, candidates, prefix, shift: 0, width: LOW_BITS });
  const fine = binOf(low, count - coarse.above - medium.above);

  const threshold = prefix * (1 << LOW_BITS) + fine.bin;
  let equalLeft = count - coarse.above - medium.above - fine.above;
  const indices = new Uint32Array(count);
  let chosen = 0;
  for (let i = 0; chosen < count; i++) {
    const magnitude = bits[candidates[i]] & SIGNLESS;
    if (magnitude > threshold || (magnitude === threshold && equalLeft-- > 0))
      indices[chosen++] = candidates[i];
  }
  return indices;
}

/** A histogram over `width` bits above `shift` of the candidates whose higher bits are `prefix`. */
function refine(options: {
  readonly bits: Uint32Array;
  readonly candidates: Uint32Array;
  readonly prefix: number;
  readonly shift: number;
  readonly width: number;
}): Uint32Array {
  const { bits, candidates, prefix, shift, width } = options;
  const histogram = new Uint32Array(1 << width);
  const mask = (1 << width) - 1;
  for (let i = 0; i < candidates.length; i++) {
    const magnitude = (bits[candidates[i]] & SIGNLESS) >>> shift;
    if (magnitude >>> width === prefix) histogram[magnitude & mask]++;
  }
  return histogram;
}

/** The bin that holds the `rank`-th largest, and how many lie in higher bins. */
function binOf(histogram: Uint32Array, rank: number): { bin: number; above: number } {
  let above = 0;
  let bin = histogram.length - 1;
  while (above + histogram[bin] < rank) above += histogram[bin--];
  return { bin, above };
}
