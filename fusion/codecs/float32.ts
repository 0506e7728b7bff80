// Every value as it is: n little-endian float32. Exact up to the limit on magnitudes.
import { assert } from '../assert.ts';
import type { Codec } from '../types.ts';
import { clamp, finiteBits, MAGNITUDE_MAX } from './magnitude.ts';

export const float32Codec: Codec = {
  name: 'float32',

  payloadBytesMax: (layout) => layout.size * 4,

  encode(delta, layout) {
    assert(delta.length === layout.size, 'the delta has the length of the layout');
    finiteBits(delta);
    const payload = new Uint8Array(delta.length * 4);
    const view = new DataView(payload.buffer);
    for (let i = 0; i < delta.length; i++) view.setFloat32(i * 4, clamp(delta[i]), true);
    return payload;
  },

  check(payload, layout) {
    if (payload.length !== layout.size * 4) return 'the payload has the wrong length';
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    for (let i = 0; i < layout.size; i++) {
      // Written so that NaN fails too.
      if (!(Math.abs(view.getFloat32(i * 4, true)) <= MAGNITUDE_MAX))
        return 'a value is not finite or too large';
    }
    return undefined;
  },

  addTo(accumulator, payload, weight, layout) {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    for (let i = 0; i < layout.size; i++) accumulator[i] += weight * view.getFloat32(i * 4, true);
  },
};
