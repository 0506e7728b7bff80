// Sixteen-bit floats as checkpoints hold them, to float32 and back: IEEE 754 binary16, and bfloat16, which is the upper half
// of a float32. To float32 is exact; back rounds to nearest, ties to even, as every framework does.

const scratch = new DataView(new ArrayBuffer(4));

function floatOfBits(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

function bitsOfFloat(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** Binary16 bits to their value. */
export function fromFloat16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1_024 + fraction) * 2 ** (exponent - 25);
}

/** The nearest binary16 of a float32; too large is infinite. */
export function toFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const bits = bitsOfFloat(value);
  const sign = (bits >>> 16) & 0x8000;
  const size = Math.abs(value);
  // 65520 is half-way between the largest finite one and the next power of two.
  if (size >= 65_520) return sign | 0x7c00;
  // Below 2^-14 all steps are of one length.
  if (size < 2 ** -14) return sign | roundToEven(size * 2 ** 24);
  const exponent = ((bits >>> 23) & 0xff) - 127;
  // 2048 steps are the next power of two; the sum carries into the exponent by itself.
  return sign | (((exponent + 14) << 10) + roundToEven(size * 2 ** (10 - exponent)));
}

/** bfloat16 bits to their value. */
export const fromBfloat16 = (bits: number): number => floatOfBits(bits * 65_536);

/** The nearest bfloat16. */
export function toBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = bitsOfFloat(value);
  const upper = bits >>> 16;
  const lower = bits & 0xffff;
  const isUp = lower > 0x8000 || (lower === 0x8000 && (upper & 1) === 1);
  return isUp ? upper + 1 : upper;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
