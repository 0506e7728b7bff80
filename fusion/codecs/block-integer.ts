// Blocks of 1,024 values, each with one scale, as 8-bit or 4-bit integers (QSGD, Alistarh et al., 2017, with the
// largest magnitude of the block in place of its norm). Rounding is stochastic, so that the mean of many members
// keeps what each of them alone would lose.
//
//   float32 scale of each block | n integers: one byte each in two's complement, or two in a byte, low half first
//
// Integers lie in −127 … 127 or −7 … 7; an unused last half byte is 0. In a block of scale 0 all are 0.
import { assert } from '../assert.ts';
import type { Codec, ModelLayout, Random } from '../types.ts';
import { finiteBits, isScale, scaleFor } from './magnitude.ts';

const BLOCK = 1024;

/** Integers of one width: how they lie in the bytes after the scales. */
interface Width {
  readonly most: number;
  bytes(count: number): number;
  get(bytes: Uint8Array, i: number): number;
  set(bytes: Uint8Array, i: number, value: number): void;
}

const eightBits: Width = {
  most: 127,
  bytes: (count) => count,
  get: (bytes, i) => (bytes[i] << 24) >> 24,
  set: (bytes, i, value) => {
    bytes[i] = value;
  },
};

const fourBits: Width = {
  most: 7,
  bytes: (count) => (count + 1) >> 1,
  get: (bytes, i) => ((bytes[i >> 1] >> ((i & 1) << 2)) << 28) >> 28,
  set: (bytes, i, value) => {
    bytes[i >> 1] |= (value & 15) << ((i & 1) << 2);
  },
};

class BlockCodec implements Codec {
  readonly name: string;
  readonly #width: Width;

  constructor(name: string, width: Width) {
    this.name = name;
    this.#width = width;
  }

  payloadBytesMax({ size }: ModelLayout): number {
    return scaleBytes(size) + this.#width.bytes(size);
  }

  encode(delta: Float32Array, layout: ModelLayout, random: Random): Uint8Array {
    const { size } = layout;
    assert(delta.length === size, 'the delta has the length of the layout');
    finiteBits(delta);
    const { most, set } = this.#width;
    const payload = new Uint8Array(this.payloadBytesMax(layout));
    const view = new DataView(payload.buffer);
    const integers = payload.subarray(scaleBytes(size));
    for (let start = 0; start < size; start += BLOCK) {
      const end = Math.min(size, start + BLOCK);
      const scale = blockScale(delta.subarray(start, end), most);
      view.setFloat32((start / BLOCK) * 4, scale, true);
      if (scale === 0) continue;
      for (let i = start; i < end; i++) set(integers, i, round(delta[i] / scale, most, random));
    }
    return payload;
  }

  check(payload: Uint8Array, layout: ModelLayout): string | undefined {
    const { size } = layout;
    if (payload.length !== this.payloadBytesMax(layout)) return 'the payload has the wrong length';
    const { most, get } = this.#width;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const integers = payload.subarray(scaleBytes(size));
    for (let start = 0; start < size; start += BLOCK) {
      const scale = view.getFloat32((start / BLOCK) * 4, true);
      if (!isScale(scale, most)) return 'a scale is negative, not finite or too large';
      const limit = scale === 0 ? 0 : most;
      const end = Math.min(size, start + BLOCK);
      for (let i = start; i < end; i++) {
        if (Math.abs(get(integers, i)) > limit) return 'an integer is out of range';
      }
    }
    if (this.#width === fourBits && (size & 1) === 1 && get(integers, size) !== 0)
      return 'the padding is not zero';
    return undefined;
  }

  addTo(
    accumulator: Float64Array | Float32Array,
    payload: Uint8Array,
    weight: number,
    { size }: ModelLayout,
  ): void {
    const { get } = this.#width;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const integers = payload.subarray(scaleBytes(size));
    for (let start = 0; start < size; start += BLOCK) {
      const scale = view.getFloat32((start / BLOCK) * 4, true);
      const end = Math.min(size, start + BLOCK);
      for (let i = start; i < end; i++) accumulator[i] += weight * Math.fround(scale * get(integers, i));
    }
  }
}

export const int8Codec: Codec = new BlockCodec('int8', eightBits);
export const int4Codec: Codec = new BlockCodec('int4', fourBits);

function scaleBytes(size: number): number {
  return Math.ceil(size / BLOCK) * 4;
}

/** The scale at which the largest magnitude of the block is `most`, and no product passes the limit. */
function blockScale(block: Float32Array, most: number): number {
  let largest = 0;
  for (let i = 0; i < block.length; i++) largest = Math.max(largest, Math.abs(block[i]));
  return scaleFor(largest, most);
}

/** Up with the probability of the fraction, else down. */
function round(ratio: number, most: number, random: Random): number {
  return Math.max(-most, Math.min(most, Math.floor(ratio + random.float())));
}
