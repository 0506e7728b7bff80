// A permutation spec for a checkpoint from elsewhere, from nothing but the names and shapes of its tensors. It asks the
// families in turn; what none of them can account for is an error, never a guess.
import { FusionError } from '../errors.ts';
import type { ModelLayout } from '../types.ts';
import { BERT } from './families/bert.ts';
import type { Family, InferenceOptions } from './families/family.ts';
import { GPT2 } from './families/gpt2.ts';
import { LLAMA } from './families/llama.ts';
import { PLAIN } from './families/plain.ts';
import { RESNET } from './families/resnet.ts';
import { TIMM_VIT, VIT } from './families/vit.ts';
import type { PermutationSpec } from './permutation-spec.ts';

/** The plain stack last: it is what is left. */
const FAMILIES: readonly Family[] = [GPT2, LLAMA, BERT, VIT, TIMM_VIT, RESNET, PLAIN];

export interface InferredSpec {
  readonly family: string;
  readonly spec: PermutationSpec;
}

/**
 * The symmetries that go with these names and shapes. Throws `FusionError`, naming the tensors, where a tensor is
 * missing or has another shape (`MELDMESH_FUSION_SHAPE`), and where one is not part of such a model, or the shapes fit
 * several layouts or orders, or the number of heads is not given (`MELDMESH_FUSION_SPEC`).
 */
export function inferSpec(layout: ModelLayout, options: InferenceOptions = {}): InferredSpec {
  const family = FAMILIES.find((each) => each.matches(layout)) ?? PLAIN;
  try {
    return { family: family.name, spec: family.specOf(layout, options) };
  } catch (cause) {
    if (!(cause instanceof FusionError)) throw cause;
    throw new FusionError(
      cause.code,
      `read as a ${family.name}, the model's symmetries are not clear: ${cause.message}; or give a permutation spec as a file`,
      { cause },
    );
  }
}
