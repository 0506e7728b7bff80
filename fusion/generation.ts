// The arithmetic of one generation: its deltas become one, and an outer Nesterov step (DiLoCo, Douillard et al., 2023).
// Every member must get the same bits from the same parts, so the order of operations below is part of the protocol.
// It does not know which parts belong in, nor that they come from peers.
import { assert } from './assert.ts';
import { fuse, type RobustMean } from './robust/fuse.ts';
import { robustMeanNamed } from './robust/grammar.ts';
import { payloadUpdate } from './robust/payload-update.ts';
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
  /** How the deltas become one. Absent: their mean by samples. */
  readonly rule?: GenerationRule | undefined;
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

export interface GenerationRule {
  readonly mean: RobustMean;
  /** Chance of rules that draw, the same at all members. */
  readonly seed: string;
}

/** What a manifest's `aggregation.rule` is in a generation; `undefined` for the mean by samples, which is the usual one. */
export function generationRule(name: string): (generation: number) => GenerationRule | undefined {
  const mean = name === 'mean' ? undefined : robustMeanNamed(name);
  return (generation) => mean && { mean, seed: String(generation) };
}

/**
 *     a = round32(Σ nᵢ dᵢ / Σ nᵢ), or what the rule makes of the deltas
 *     m = round32(μ m + a)
 *     S = round32(S + η (a + μ m))
 *
 * with the parts' float32 entries dᵢ and samples nᵢ. All sums and products are float64, each rounded on its
 * own (no fused multiply-add); the sums start from 0 and run in the order of the parts.
 */
export function applyGeneration(options: GenerationOptions): void {
  const { S, m, parts, layout, outerMomentum, outerLearningRate, scratch, places } = options;
  assert(parts.length > 0, 'a generation without parts is not applied');
  assert(
    S.length === layout.size && m.length === layout.size && scratch.length === layout.size,
    'S, m and the scratch have the layout',
  );
  const divisor = options.rule === undefined ? sumInto(scratch, options) : fuseInto(scratch, options);
  const count = places === undefined ? S.length : places.length;
  for (let k = 0; k < count; k++) {
    const i = places === undefined ? k : places[k];
    const a = Math.fround(scratch[i] / divisor);
    const momentum = Math.fround(outerMomentum * m[i] + a);
    m[i] = momentum;
    S[i] = Math.fround(S[i] + outerLearningRate * (a + outerMomentum * momentum));
  }
}

/** Σ nᵢ dᵢ; gives Σ nᵢ. */
function sumInto(scratch: Float64Array, { parts, codec, layout }: GenerationOptions): number {
  scratch.fill(0);
  let samplesTotal = 0;
  for (const { payload, samples, codec: own = codec } of parts) {
    assert(Number.isSafeInteger(samples) && samples > 0, 'samples are a positive integer');
    own.addTo(scratch, payload, samples, layout);
    samplesTotal += samples;
  }
  return samplesTotal;
}

/** What the rule makes of the parts, zero where it says nothing; gives 1, by which float32 stays what it is. */
function fuseInto(scratch: Float64Array, { parts, codec, layout, rule }: GenerationOptions): number {
  assert(rule !== undefined, 'there is a rule');
  const room = new Float32Array(layout.size);
  const updates = parts.map(({ payload, samples, codec: own = codec }) =>
    payloadUpdate({ payload, codec: own, layout, weight: samples, scratch: room }),
  );
  const { places, values } = fuse({ size: layout.size, updates }, rule.mean, rule).change;
  if (places === undefined) scratch.set(values);
  else {
    scratch.fill(0);
    for (const [k, place] of places.entries()) scratch[place] = values[k];
  }
  return 1;
}
