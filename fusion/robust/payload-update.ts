// From a record's payload to an update. Codecs only add entries to a vector; here they add to one of −0, the one number that
// no other sum of float32 numbers gives, so that an entry of zero can be told from no entry.
import { assert } from '../assert.ts';
import type { Codec, ModelLayout } from '../types.ts';
import type { Update } from './update.ts';

export interface PayloadUpdateOptions {
  /** One that `codec.check` accepted. */
  readonly payload: Uint8Array;
  readonly codec: Codec;
  readonly layout: ModelLayout;
  /** The number of samples behind it. */
  readonly weight: number;
  readonly name?: string;
  /** As long as the model; what is in it does not matter. Absent: made anew. */
  readonly scratch?: Float32Array;
}

/**
 * The decoded update, float32. It is sparse where the payload has entries for at most half of the coordinates, as `top`
 * codecs do; otherwise dense, with zero where there is no entry. An entry of −0 is none.
 */
export function payloadUpdate(options: PayloadUpdateOptions): Update {
  const { payload, codec, layout, weight, name } = options;
  const scratch = options.scratch ?? new Float32Array(layout.size);
  assert(scratch.length === layout.size, 'the scratch has the layout');
  scratch.fill(-0);
  codec.addTo(scratch, payload, 1, layout);
  let count = 0;
  for (let i = 0; i < scratch.length; i++) if (!Object.is(scratch[i], -0)) count++;
  if (2 * count > layout.size) {
    // Adding zero makes −0 a plain one.
    return { values: scratch.map((value) => value + 0), weight, name };
  }
  const places = new Uint32Array(count);
  const values = new Float32Array(count);
  let at = 0;
  for (let i = 0; i < scratch.length; i++) {
    if (Object.is(scratch[i], -0)) continue;
    places[at] = i;
    values[at++] = scratch[i];
  }
  return { places, values, weight, name };
}
