// What all families of checkpoints have in common: they are known by the names of their tensors, and give a spec or an
// error. Each file beside this one is one family.
import { FusionError } from '../../errors.ts';
import type { ModelLayout } from '../../types.ts';
import type { AttentionShape } from '../attention.ts';
import type { PermutationSpec } from '../permutation-spec.ts';

export interface InferenceOptions {
  /** How kernels are laid out: [out, in] or [in, out]. Needed only where the shapes allow both. */
  readonly layout?: 'torch' | 'tfjs';
  /**
   * Query heads of each attention layer. Shapes do not tell: one head of 64 values or two of 32 are the same matrix.
   */
  readonly heads?: number;
}

export interface Family {
  readonly name: string;
  /** True if a tensor bears a name that only this family gives. */
  matches(layout: ModelLayout): boolean;
  /** Throws `FusionError` naming the tensors that are missing, of another shape, or not part of such a model. */
  specOf(layout: ModelLayout, options: InferenceOptions): PermutationSpec;
}

/** What stands before a name that the pattern knows, such as `model.`; the pattern's first group. */
export function prefixOf(layout: ModelLayout, pattern: RegExp): string | undefined {
  for (const { name } of layout.tensors) {
    const match = pattern.exec(name);
    if (match !== null) return match[1];
  }
  return undefined;
}

/** How many names there are from `nameOf(0)` on, without a gap. */
export function countOf(layout: ModelLayout, nameOf: (index: number) => string): number {
  const names = new Set(layout.tensors.map(({ name }) => name));
  let count = 0;
  while (names.has(nameOf(count))) count++;
  return count;
}

/** Far above any model; a file may lead to a number of heads, and each is a permutation. */
const HEADS_MAX = 1_024;

/** Heads of queries that are `width` values wide together. Throws `MELDMESH_FUSION_SPEC` where nobody said how many. */
export function headsOf(tensor: string, width: number, { heads }: InferenceOptions): AttentionShape {
  if (heads === undefined)
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `the shape of ${JSON.stringify(tensor)} does not tell how many heads it has: say so (heads, --heads)`,
    );
  if (!Number.isInteger(heads) || heads < 1 || heads > HEADS_MAX || width % heads !== 0)
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `the ${width} queries of ${JSON.stringify(tensor)} cannot be ${heads} heads`,
    );
  return { heads, headSize: width / heads };
}
