// The codecs once more, slow and obvious: what decoding must give, from the vector alone. Sorting instead of
// selecting, one value at a time, no bytes.

/** Entries of the k largest magnitudes by sorting, the lower index first among equal ones. */
export function slowTop(delta: Float32Array, count: number): number[] {
  return [...delta.keys()]
    .sort((a, b) => Math.abs(delta[b]) - Math.abs(delta[a]) || a - b)
    .slice(0, count)
    .sort((a, b) => a - b);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The dense vector that `top…:1` and `top…:2` must decode to. */
export function slowTopDecoded(delta: Float32Array, count: number, bits: 1 | 2): Float64Array {
  const indices = slowTop(delta, count);
  const magnitudes = indices.map((index) => Math.abs(delta[index]));
  const split = mean(magnitudes);
  const low = magnitudes.filter((magnitude) => magnitude <= split);
  const high = magnitudes.filter((magnitude) => magnitude > split);
  const decoded = new Float64Array(delta.length);
  for (const index of indices) {
    const said = bits === 1 ? split : mean(Math.abs(delta[index]) > split ? high : low);
    const scale = Math.fround(Math.min(said, 2 ** 32));
    decoded[index] = delta[index] < 0 && scale > 0 ? -scale : scale;
  }
  return decoded;
}

/** Bits that name one of the sets of k out of n: log2 of the binomial coefficient. */
export function setEntropyBits(count: number, size: number): number {
  let bits = 0;
  for (let i = 1; i <= count; i++) bits += Math.log2((size - count + i) / i);
  return bits;
}
