// Types of numbers that a safetensors file can hold. Floats of sixteen and thirty-two bits become float32, and go back as
// what they were; the others are carried along as bytes.
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './half-floats.ts';

/** Of these a tensor's values are float32 here. */
export type FloatType = 'F32' | 'F16' | 'BF16';

/** Bytes of one value. */
const BYTES = new Map(
  Object.entries({
    ...{ F64: 8, F32: 4, F16: 2, BF16: 2, F8_E4M3: 1, F8_E5M2: 1 },
    ...{ I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 },
  }),
);

/** `undefined` for a type that there is not. */
export const bytesOfType = (type: string): number | undefined => BYTES.get(type);

export const isFloatType = (type: string): type is FloatType =>
  type === 'F32' || type === 'F16' || type === 'BF16';

/** Values of a file; `at` is in bytes. */
export function readFloats(
  view: DataView,
  place: { readonly at: number; readonly count: number; readonly type: FloatType },
): Float32Array {
  const { at, count, type } = place;
  const floats = new Float32Array(count);
  if (type === 'F32') {
    for (let i = 0; i < count; i++) floats[i] = view.getFloat32(at + i * 4, true);
    return floats;
  }
  const from = type === 'F16' ? fromFloat16 : fromBfloat16;
  for (let i = 0; i < count; i++) floats[i] = from(view.getUint16(at + i * 2, true));
  return floats;
}

export function writeFloats(
  view: DataView,
  place: { readonly at: number; readonly values: Float32Array; readonly type: FloatType },
): void {
  const { at, values, type } = place;
  if (type === 'F32') {
    for (let i = 0; i < values.length; i++) view.setFloat32(at + i * 4, values[i], true);
    return;
  }
  const to = type === 'F16' ? toFloat16 : toBfloat16;
  for (let i = 0; i < values.length; i++) view.setUint16(at + i * 2, to(values[i]), true);
}
