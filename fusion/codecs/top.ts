// The k entries of largest magnitude of the whole flat vector (sparsified SGD with memory, Stich et al., 2018),
// k = max(1, round(n · percent / 100)), halves up. Indices travel as gaps in Rice's code (Golomb, 1966; Rice, 1979).
//
//   uint32 k | uint8 r | float32 scale (two for 2-bit values) | k times: gap, value
//
// All numbers are little-endian. From the first gap on it is one stream of bits, the first in the least
// significant bit of its byte. A gap is index − previous index − 1, the first one the index itself: floor(gap / 2^r)
// ones, a zero, then the low r bits of the gap, lowest first. A value is 8, 2 or 1 bits, lowest first; see
// `top-values.ts`. The last byte is padded with zero bits. r is the smallest one with the fewest bits in all.
import { assert } from '../assert.ts';
import type { Codec, ModelLayout } from '../types.ts';
import { BitReader, BitWriter } from './bit-stream.ts';
import { fitRice, isRiceFit, RICE_MAX, riceBitsMax, savedByNext } from './rice.ts';
import { largestIndices } from './selection.ts';
import { type ValueCoding, valueCodings } from './top-values.ts';

const SCALES_AT = 5;
/** Above one half the entries that stay would be the cheaper set to name, and a dense codec is smaller anyway. */
const THOUSANDTHS_MAX = 50_000;

/** The codec of a name such as `top1:1` or `top0.3:2`: percent in (0, 50], at most three decimals, none of them idle. */
export function topCodecNamed(name: string): Codec | undefined {
  const match = /^top(0|[1-9]\d?)(?:\.(\d{0,2}[1-9]))?:([821])$/.exec(name);
  if (match === null) return undefined;
  const thousandths = Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(3, '0'));
  if (thousandths < 1 || thousandths > THOUSANDTHS_MAX) return undefined;
  return new TopCodec(name, thousandths, valueCodings[match[3] as keyof typeof valueCodings]);
}

class TopCodec implements Codec {
  readonly name: string;
  readonly #thousandths: number;
  readonly #values: ValueCoding;
  readonly #headerBytes: number;

  constructor(name: string, thousandths: number, values: ValueCoding) {
    this.name = name;
    this.#thousandths = thousandths;
    this.#values = values;
    this.#headerBytes = SCALES_AT + 4 * values.scaleCount;
  }

  payloadBytesMax({ size }: ModelLayout): number {
    const count = this.#countOf(size);
    return this.#headerBytes + Math.ceil((riceBitsMax(count, size) + count * this.#values.bits) / 8);
  }

  encode(delta: Float32Array, layout: ModelLayout): Uint8Array {
    assert(delta.length === layout.size, 'the delta has the length of the layout');
    const indices = largestIndices(delta, this.#countOf(layout.size));
    const gaps = indices.map((index, i) => (i === 0 ? index : index - indices[i - 1] - 1));
    const chosen = new Float32Array(indices.length);
    for (let i = 0; i < indices.length; i++) chosen[i] = delta[indices[i]];
    const { scales, codes } = this.#values.encode(chosen);
    const rice = fitRice(gaps);

    const payload = new Uint8Array(this.payloadBytesMax(layout));
    const view = new DataView(payload.buffer);
    view.setUint32(0, indices.length, true);
    view.setUint8(4, rice);
    for (const [i, scale] of scales.entries()) view.setFloat32(SCALES_AT + 4 * i, scale, true);
    const writer = new BitWriter(payload, this.#headerBytes);
    for (let i = 0; i < gaps.length; i++) {
      writer.unary(gaps[i] >>> rice);
      writer.bits(gaps[i], rice);
      writer.bits(codes[i], this.#values.bits);
    }
    return payload.slice(0, writer.bytesUsed());
  }

  check(payload: Uint8Array, layout: ModelLayout): string | undefined {
    if (payload.length < this.#headerBytes || payload.length > this.payloadBytesMax(layout)) {
      return 'the payload has the wrong length';
    }
    const { count, rice, scales } = this.#header(payload);
    if (count !== this.#countOf(layout.size)) return 'the number of entries is not the one of the codec';
    if (rice > RICE_MAX) return 'the Rice parameter is out of range';
    if (!this.#values.areScales(scales)) return 'a scale is negative, not finite or too large';
    const table = this.#values.table(scales);
    const reader = new BitReader(payload, this.#headerBytes);
    const saved = { below: 0, above: 0 };
    let index = -1;
    for (let i = 0; i < count; i++) {
      const gap = reader.unary() * (1 << rice) + reader.bits(rice);
      index += gap + 1;
      const code = reader.bits(this.#values.bits);
      if (reader.overrun()) return 'the payload ends too early';
      if (index >= layout.size) return 'an index is out of range';
      if (Number.isNaN(table[code])) return 'a value has a code that no encoder writes';
      if (rice > 0) saved.below += savedByNext(gap, rice - 1);
      saved.above += savedByNext(gap, rice);
    }
    if (!isRiceFit(saved, rice, count)) return 'the Rice parameter is not the best one';
    return reader.atPaddedEnd() ? undefined : 'bytes follow the last entry, or the padding is not zero';
  }

  addTo(accumulator: Float64Array | Float32Array, payload: Uint8Array, weight: number): void {
    const { count, rice, scales } = this.#header(payload);
    const table = this.#values.table(scales);
    const reader = new BitReader(payload, this.#headerBytes);
    let index = -1;
    for (let i = 0; i < count; i++) {
      index += reader.unary() * (1 << rice) + reader.bits(rice) + 1;
      accumulator[index] += weight * table[reader.bits(this.#values.bits)];
    }
  }

  /** In whole numbers, so that every implementation rounds alike. With at most one half, it never passes n. */
  #countOf(size: number): number {
    return Math.max(1, Math.floor((size * this.#thousandths + 50_000) / 100_000));
  }

  #header(payload: Uint8Array) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const scales: number[] = [];
    for (let i = 0; i < this.#values.scaleCount; i++) scales.push(view.getFloat32(SCALES_AT + 4 * i, true));
    return { count: view.getUint32(0, true), rice: view.getUint8(4), scales };
  }
}
