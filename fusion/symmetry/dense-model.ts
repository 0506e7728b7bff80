// The symmetries of our own models. It knows their specification, not their weights.
import { layoutOf } from '../model-spec.ts';
import type { DenseSpec } from '../types.ts';
import { TFJS } from './dialect.ts';
import { dense } from './layers.ts';
import type { PermutationSpec } from './permutation-spec.ts';
import { SpecDraft } from './spec-draft.ts';
import { FIXED } from './units.ts';

/** One permutation for each hidden layer, named like the layer: `dense_0` … Inputs and classes stay where they are. */
export function permutationSpecOf(spec: DenseSpec): PermutationSpec {
  const draft = new SpecDraft(layoutOf(spec), TFJS);
  let units = FIXED;
  for (const index of spec.layers.keys()) {
    const to = index === spec.layers.length - 1 ? { to: FIXED } : {};
    units = dense(draft, `dense_${index}`, { from: units, ...to });
  }
  return draft.spec();
}
