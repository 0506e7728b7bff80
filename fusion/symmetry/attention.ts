// Multi-head attention as a permutation spec sees it: which order of heads, and of the values inside them, is a matter
// of taste. It makes units; the projections themselves are dense layers.
import { FusionError } from '../errors.ts';
import type { SpecDraft } from './spec-draft.ts';
import { joined, overlaid, repeated, type Units, widened } from './units.ts';

export interface AttentionShape {
  /** Query heads. */
  readonly heads: number;
  /**
   * Heads of keys and values, each shared by `heads / keyHeads` query heads that follow one another; `heads` if absent.
   */
  readonly keyHeads?: number;
  /** Values of one head. */
  readonly headSize: number;
  /** Positions are turned into the queries and keys, two values at a time: inside their heads nothing may move. */
  readonly isRotary?: boolean;
}

export interface AttentionUnits {
  readonly queries: Units;
  readonly keys: Units;
  readonly values: Units;
  /** What the heads put out side by side and the output projection reads. */
  readonly mixed: Units;
}

/**
 * The units between the projections of one attention layer (Vaswani et al., 2017, section 3.2.2; grouped queries:
 * Ainslie et al., 2023; rotary positions: Su et al., 2021). For head or group k of keys:
 * - `name.keys.k`: values inside a key and the queries that meet it, whose dot product does not mind; not with rotary
 *   positions;
 * - `name.values.k`: values inside a head, up to where the output projection reads them;
 * - `name.queries.k`: query heads within their group;
 * - `name.heads`: whole heads or groups.
 * Throws `MELDMESH_FUSION_SPEC` where query heads do not make equal groups.
 */
export function attentionUnits(draft: SpecDraft, name: string, shape: AttentionShape): AttentionUnits {
  const { heads, keyHeads = heads, headSize, isRotary = false } = shape;
  const sharing = heads / keyHeads;
  if (![heads, keyHeads, headSize, sharing].every((count) => Number.isInteger(count) && count > 0))
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `the attention "${name}" cannot have ${heads} heads of ${headSize} values on ${keyHeads} heads of keys`,
    );
  const groups = Array.from({ length: keyHeads }, (_, k): AttentionUnits => {
    const alike = isRotary
      ? { parts: [], length: headSize }
      : draft.units({ name: `${name}.keys.${k}`, size: headSize });
    const values = draft.units({ name: `${name}.values.${k}`, size: headSize });
    const heads = widened(draft.units({ name: `${name}.queries.${k}`, size: sharing }), headSize);
    return {
      queries: overlaid([repeated(alike, sharing), heads]),
      keys: alike,
      values,
      mixed: overlaid([repeated(values, sharing), heads]),
    };
  });
  const whole = draft.units({ name: `${name}.heads`, size: keyHeads });
  const all = (insides: readonly Units[], size: number): Units =>
    overlaid([joined(insides), widened(whole, size)]);
  return {
    queries: all(
      groups.map(({ queries }) => queries),
      sharing * headSize,
    ),
    keys: all(
      groups.map(({ keys }) => keys),
      headSize,
    ),
    values: all(
      groups.map(({ values }) => values),
      headSize,
    ),
    mixed: all(
      groups.map(({ mixed }) => mixed),
      sharing * headSize,
    ),
  };
}
