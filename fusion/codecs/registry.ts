// From the name in a manifest to the codec. Names are canonical: one codec, one text.
import type { Codec } from '../types.ts';
import { int4Codec, int8Codec } from './block-integer.ts';
import { float32Codec } from './float32.ts';
import { signCodec } from './sign.ts';
import { topCodecNamed } from './top.ts';

const dense: readonly Codec[] = [float32Codec, int8Codec, int4Codec, signCodec];

/** Names that work, one of each family and width; `top` takes any percentage up to 50. For help texts and tests. */
export const codecNames: readonly string[] = [
  ...dense.map(({ name }) => name),
  'top3:8',
  'top0.3:2',
  'top1:1',
];

/** `float32`, `int8`, `int4`, `sign` or `top<percent>:<8|2|1>`; `undefined` for any other text. */
export function codecNamed(name: string): Codec | undefined {
  return dense.find((codec) => codec.name === name) ?? topCodecNamed(name);
}
