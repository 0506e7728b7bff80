// One bit a value and one scale a tensor, its mean magnitude (Seide et al., 2014; signSGD with majority scale).
//
//   float32 scale of each tensor, in layout order | n sign bits, 1 = negative, least significant bit first
//
// The last byte is padded with zero bits. In a tensor of scale 0 all bits are 0.
import { assert } from '../assert.ts';
import type { Codec } from '../types.ts';
import { clamp, finiteBits, isScale } from './magnitude.ts';

export const signCodec: Codec = {
  name: 'sign',

  payloadBytesMax: (layout) => layout.tensors.length * 4 + Math.ceil(layout.size / 8),

  encode(delta, layout) {
    assert(delta.length === layout.size, 'the delta has the length of the layout');
    finiteBits(delta);
    const payload = new Uint8Array(signCodec.payloadBytesMax(layout));
    const view = new DataView(payload.buffer);
    const bits = payload.subarray(layout.tensors.length * 4);
    for (const [index, { offset, size }] of layout.tensors.entries()) {
      let sum = 0;
      for (let i = offset; i < offset + size; i++) sum += Math.abs(delta[i]);
      const scale = Math.fround(clamp(sum / size));
      view.setFloat32(index * 4, scale, true);
      if (scale === 0) continue;
      for (let i = offset; i < offset + size; i++) if (delta[i] < 0) bits[i >> 3] |= 1 << (i & 7);
    }
    return payload;
  },

  check(payload, layout) {
    if (payload.length !== signCodec.payloadBytesMax(layout)) return 'the payload has the wrong length';
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const bits = payload.subarray(layout.tensors.length * 4);
    for (const [index, { offset, size }] of layout.tensors.entries()) {
      const scale = view.getFloat32(index * 4, true);
      if (!isScale(scale)) return 'a scale is negative, not finite or too large';
      if (scale !== 0) continue;
      for (let i = offset; i < offset + size; i++) {
        if ((bits[i >> 3] & (1 << (i & 7))) !== 0) return 'a tensor of scale zero has a sign';
      }
    }
    const used = layout.size & 7;
    if (used !== 0 && bits[bits.length - 1] >> used !== 0) return 'the padding is not zero';
    return undefined;
  },

  addTo(accumulator, payload, weight, layout) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    const bits = payload.subarray(layout.tensors.length * 4);
    for (const [index, { offset, size }] of layout.tensors.entries()) {
      const step = weight * view.getFloat32(index * 4, true);
      for (let i = offset; i < offset + size; i++) {
        accumulator[i] += (bits[i >> 3] & (1 << (i & 7))) === 0 ? step : -step;
      }
    }
  },
};
