// How large a number may be on the wire. Knows nothing of any codec.
import { assert } from '../assert.ts';

/**
 * No delta of a model that learns comes near; with it no number of generations brings the sum of a shared
 * model to infinity. Encoders clamp here (the rest stays in the residual), checks refuse beyond.
 */
export const MAGNITUDE_MAX = 2 ** 32;

/** From here on bits without their sign are no finite number. */
export const INFINITY_BITS = 0x7f800000;

/** The same memory as integers, which without their sign bit order like the magnitudes. Asserts that all are finite. */
export function finiteBits(values: Float32Array): Uint32Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let finite = true;
  for (let i = 0; i < bits.length; i++) finite = finite && (bits[i] & 0x7fffffff) < INFINITY_BITS;
  assert(finite, 'only finite numbers are encoded');
  return bits;
}

export function clamp(value: number): number {
  return Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, value));
}

/** A float32 scale from the wire: finite, not negative, not −0, and `most` times it within the limit. */
export function isScale(scale: number, most = 1): boolean {
  return scale >= 0 && scale * most <= MAGNITUDE_MAX && !Object.is(scale, -0);
}

/** The float32 scale at which `largest` becomes the integer `most`; `isScale` holds for it. */
export function scaleFor(largest: number, most: number): number {
  const scale = Math.fround(Math.min(largest, MAGNITUDE_MAX) / most);
  // Rounding up may pass the limit by a hair: one step down.
  return scale * most <= MAGNITUDE_MAX ? scale : Math.fround(scale * (1 - 2 ** -23));
}
