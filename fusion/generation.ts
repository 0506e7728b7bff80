// The arithmetic of one generation: the mean of its deltas and an outer Nesterov step (DiLoCo, Douillard et al., 2023).
// Every member must get the same bits from the same parts, so the order of operations below is part of the protocol.
// It does not know which parts belong in, nor that they come from peers.
import { assert } from './assert.ts';
import type { Codec, ModelLayout } from './types.ts';

export interface GenerationPart {
  /** One that `codec.check` accepted. */
  readonly payload: Uint8Array;
  /** Weight of the part, a positive integer. */
  readonly samples: number;
  /** Of this part; absent: that of the generation. */
  readonly codec?: Codec;
}

export interface GenerationOptions {
  /** The shared model, flat; overwritten. */
  readonly S: Float32Array;
  /** Its outer momentum, flat; overwritten. */
  readonly m: Float32Array;
  /** At least one, in ascending order of record id. */
  readonly parts: readonly GenerationPart[];
  /** Of the parts that do not name one of their own. */
  readonly codec: Codec;
  readonly layout: ModelLayout;
  /** μ. */
  readonly outerMomentum: number;
  /** η. */
  readonly outerLearningRate: number;
  /** As long as S; what is in it does not matter. */
  readonly scratch: Float64Array;
  /**
   * Distinct places, in any order, of all entries of the parts. Only they are brought on, which is the same where m is zero
   * at all others and S is nowhere −0, as at the start of a line. Absent: all are.
   */
  readonly places?: Uint32Array;
}

/**
 *     a = round32(Σ nᵢ dᵢ / Σ nᵢ)
 *     m = round32(μ m + a)
 *     S = round32(S + η (a + μ m))
 *
 * with the parts' float32 entries dᵢ and samples nᵢ. All sums and products are float64, each rounded on its
 * own (no fused multiply-add); the sums start from 0 and run in the order of the parts.
 */
export function applyGeneration(options: GenerationOptions): void {
  const { S, m, parts, codec, layout, outerMomentum, outerLearningRate, scratch, places } = options;
  assert(parts.length > 0, 'a generation without parts is not applied');
  assert(
    S.length === layout.size && m.length === layout.size && scratch.length === layout.size,
    'S, m and the scratch have the layout',
  );
  scratch.fill(0);
  let samplesTotal = 0;
  for (const { payload, samples, codec: own = codec } of parts) {
    assert(Number.isSafeInteger(samples) && samples > 0, 'samples are a positive integer');
    own.addTo(scratch, payload, samples, layout);
    samplesTotal += samples;
  }
  const count = places === undefined ? S.length : places.length;
  for (let k = 0; k < count; k++) {
    const i = places === undefined ? k : places[k];
    const a = Math.fround(scratch[i] / samplesTotal);
    const momentum = Math.fround(outerMomentum * m[i] + a);
    m[i] = momentum;
    S[i] = Math.fround(S[i] + outerLearningRate * (a + outerMomentum * momentum));
  }
}
