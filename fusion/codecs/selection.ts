// The k entries of largest magnitude, exactly and in linear time: a histogram over the high bits of the magnitudes
// finds the bin of the k-th, a second one over the low bits its value. Knows no codec.
import { assert } from '../assert.ts';
import { finiteBits } from './magnitude.ts';

const HIGH_BITS = 16;
const LOW_BITS = 31 - HIGH_BITS;
const LOW_MASK = (1 << LOW_BITS) - 1;

/** Ascending indices of the `count` largest magnitudes; of equal ones the lower index goes first. */
export function largestIndices(values: Float32Array, count: number): Uint32Array {
  assert(count >= 1 && count <= values.length, 'the selection fits into the vector');
  const bits = finiteBits(values);
  const high = new Uint32Array(1 << HIGH_BITS);
  for (let i = 0; i < bits.length; i++) high[(bits[i] & 0x7fffffff) >>> LOW_BITS]++;
  const coarse = binOf(high, count);

  const low = new Uint32Array(1 << LOW_BITS);
  for (let i = 0; i < bits.length; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    if (magnitude >>> LOW_BITS === coarse.bin) low[magnitude & LOW_MASK]++;
  }
  const fine = binOf(low, count - coarse.above);

  const threshold = coarse.bin * (1 << LOW_BITS) + fine.bin;
  let equalLeft = count - coarse.above - fine.above;
  const indices = new Uint32Array(count);
  let found = 0;
  for (let i = 0; found < count; i++) {
    const magnitude = bits[i] & 0x7fffffff;
    if (magnitude > threshold || (magnitude === threshold && equalLeft-- > 0)) indices[found++] = i;
  }
  return indices;
}

/** The bin that holds the `rank`-th largest, and how many lie in higher bins. */
function binOf(histogram: Uint32Array, rank: number): { bin: number; above: number } {
  let above = 0;
  let bin = histogram.length - 1;
  while (above + histogram[bin] < rank) above += histogram[bin--];
  return { bin, above };
}
