// Raw bytes of a number type to typed arrays, shared by the binary formats. It knows no file format.
import assert from 'node:assert/strict';

export type NumberType = 'u8' | 'i8' | 'u16' | 'i16' | 'u32' | 'i32' | 'u64' | 'i64' | 'f32' | 'f64';

/** A box of numbers as a file declares it. */
export interface NumberArray {
  readonly shape: readonly number[];
  /** Bytes and float32 stay what they are; every other type becomes float64, which holds each of its labels. */
  readonly values: Uint8Array | Float32Array | Float64Array;
}

export const NUMBER_BYTES: Readonly<Record<NumberType, number>> = {
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f32: 4,
  f64: 8,
};

const READERS: Readonly<Record<NumberType, (view: DataView, at: number, little: boolean) => number>> = {
  u8: (view, at) => view.getUint8(at),
  i8: (view, at) => view.getInt8(at),
  u16: (view, at, little) => view.getUint16(at, little),
  i16: (view, at, little) => view.getInt16(at, little),
  u32: (view, at, little) => view.getUint32(at, little),
  i32: (view, at, little) => view.getInt32(at, little),
  u64: (view, at, little) => Number(view.getBigUint64(at, little)),
  i64: (view, at, little) => Number(view.getBigInt64(at, little)),
  f32: (view, at, little) => view.getFloat32(at, little),
  f64: (view, at, little) => view.getFloat64(at, little),
};

/** All of `bytes` as numbers of one type; bytes are shared with the input, not copied. */
export function decodeNumbers(
  bytes: Uint8Array,
  type: NumberType,
  littleEndian: boolean,
): NumberArray['values'] {
  if (type === 'u8') return bytes;
  const size = NUMBER_BYTES[type];
  assert(bytes.length % size === 0, 'the caller checks sizes');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = READERS[type];
  const length = bytes.length / size;
  const values = type === 'f32' ? new Float32Array(length) : new Float64Array(length);
  for (let i = 0; i < values.length; i++) values[i] = read(view, i * size, littleEndian);
  return values;
}
