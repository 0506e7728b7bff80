// What the tests of this room draw from: layouts, and vectors with the values that break things.
import fc from 'fast-check';
import { type Codec, codecNamed, type ModelLayout, type TensorLayout } from '../../fusion/index.ts';

export function layoutFrom(sizes: readonly number[]): ModelLayout {
  let size = 0;
  const tensors: TensorLayout[] = sizes.map((length, index) => {
    const tensor = { name: `t${index}`, shape: [length], offset: size, size: length };
    size += length;
    return tensor;
  });
  return { tensors, size };
}

export const layouts = fc
  .array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 })
  .map(layoutFrom);

/** Ordinary values, equal ones, zeros of both signs, subnormals, and magnitudes at the edge of float32. */
const value = fc.oneof(
  { weight: 6, arbitrary: fc.float({ min: -1, max: 1, noNaN: true }) },
  { weight: 2, arbitrary: fc.constantFrom(0, -0, 0.5, -0.5) },
  { weight: 1, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true }) },
  { weight: 1, arbitrary: fc.constantFrom(2 ** -149, -(2 ** -149), 100 * 2 ** -149, 3.4028234663852886e38) },
);

export interface Encodable {
  readonly layout: ModelLayout;
  readonly delta: Float32Array;
}

/** A layout and a finite vector for it. Half of the vectors are tame, as a training's are. */
export const encodables: fc.Arbitrary<Encodable> = layouts.chain((layout) =>
  fc
    .oneof(
      fc.array(value, { minLength: layout.size, maxLength: layout.size, size: 'max' }),
      fc.array(fc.float({ min: -1, max: 1, noNaN: true }), {
        minLength: layout.size,
        maxLength: layout.size,
        size: 'max',
      }),
    )
    .map((values) => ({ layout, delta: Float32Array.from(values) })),
);

/** What a payload says, as a dense vector. */
export function decoded(codec: Codec, payload: Uint8Array, layout: ModelLayout): Float64Array {
  const sum = new Float64Array(layout.size);
  codec.addTo(sum, payload, 1, layout);
  return sum;
}

export function codecOf(name: string): Codec {
  const codec = codecNamed(name);
  if (codec === undefined) throw new Error(`no codec ${name}`);
  return codec;
}
