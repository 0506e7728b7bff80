// Error feedback (Seide et al., 2014; Karimireddy et al., 2019): what compression leaves out stays with its author
// and rides on the next delta. One function over any codec; it knows neither records nor generations.
import { assert } from './assert.ts';
import type { Codec, ModelLayout, Random } from './types.ts';

export interface CompressOptions {
  /** What was trained: local weights minus the shared model, flat. */
  readonly delta: Float32Array;
  /** What earlier deltas left out, flat; overwritten with what this one leaves out. */
  readonly residual: Float32Array;
  readonly codec: Codec;
  readonly layout: ModelLayout;
  /** For stochastic rounding only. */
  readonly random: Random;
}

/**
 * Encodes v = round32(delta + residual) and leaves round32(v − decoded) in `residual`. Asserts that v is
 * finite: a training that diverged is to be noticed before (see `isFiniteVector`).
 */
export function compressWithFeedback(options: CompressOptions): { readonly payload: Uint8Array } {
  const { delta, residual, codec, layout, random } = options;
  assert(delta.length === layout.size && residual.length === layout.size, 'both vectors have the layout');
  for (let i = 0; i < residual.length; i++) residual[i] += delta[i];
  const payload = codec.encode(residual, layout, random);
  takeBack({ residual, payload, sign: -1, codec, layout });
  return { payload };
}

export interface TakeBackOptions {
  readonly residual: Float32Array;
  /** One of our own payloads. */
  readonly payload: Uint8Array;
  /** +1 puts a delta that lost its weight back into the residual, −1 takes one out that has regained it. */
  readonly sign: 1 | -1;
  readonly codec: Codec;
  readonly layout: ModelLayout;
}

/** residual = round32(residual + sign · decoded), in place. */
export function takeBack({ residual, payload, sign, codec, layout }: TakeBackOptions): void {
  assert(codec.check(payload, layout) === undefined, 'only payloads of the codec come back');
  codec.addTo(residual, payload, sign, layout);
}

/** Whether a delta may be encoded at all. */
export function isFiniteVector(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!Number.isFinite(values[i])) return false;
  return true;
}
