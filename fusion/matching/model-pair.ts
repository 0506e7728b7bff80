// Two models of one layout, the numbers a matching is judged by, and whether they can be matched at all. Sums are float64 over
// the whole vectors and know nothing of how a permutation was found.
import { FusionError } from '../errors.ts';
import { checkSpec } from '../symmetry/check.ts';
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import { permuteModel } from '../symmetry/permute.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import { statisticsOf } from './unit-axes.ts';

export interface MatchedModels {
  /** Flat; stays as it is. */
  readonly reference: Float32Array;
  /** Flat; its units are to be brought into the reference's order. Not written to. */
  readonly model: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
}

/** How alike two models are, over the tensors that permutations move; statistics are left out. */
export interface Likeness {
  /** Sum of the products of their entries. */
  readonly objective: number;
  /** Sum of the squared differences: ‖A‖² + ‖B‖² − 2 · objective. */
  readonly squaredDistance: number;
}

/** What a matching answers. `permuteModel` with the permutations brings the model into the reference's order. */
export interface Matching {
  readonly permutations: Permutations;
  /** With every unit where it was. */
  readonly before: Likeness;
  readonly after: Likeness;
  /** Passes over all permutations, of the start that was kept. */
  readonly sweeps: number;
}

/** Throws a FusionError that names the tensor, unless both models have the layout, are finite, and the spec fits. */
export function checkMatchedModels({ reference, model, layout, spec }: MatchedModels): void {
  checkWeights(reference, layout, 'the reference');
  checkWeights(model, layout, 'the model');
  checkSpec(spec, layout);
}

export function checkWeights(weights: Float32Array, layout: ModelLayout, whose: string): void {
  if (weights.length !== layout.size) {
    const message = `${whose} has ${weights.length} weights, but the layout says ${layout.size}`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', message);
  }
  for (const { name, offset, size } of layout.tensors) {
    for (let at = offset; at < offset + size; at++) {
      if (Number.isFinite(weights[at])) continue;
      const message = `tensor ${JSON.stringify(name)} of ${whose} has a weight that is ${weights[at]}`;
      throw new FusionError('MELDMESH_FUSION_NOT_FINITE', message);
    }
  }
}

/** Those that permutations move and that are no statistics. */
export function comparedTensors(spec: PermutationSpec, layout: ModelLayout): readonly TensorLayout[] {
  const left = new Set([...spec.untouched, ...statisticsOf(spec)]);
  return layout.tensors.filter(({ name }) => !left.has(name));
}

/** Of the reference and the model with its units moved. Absent permutations move nothing. */
export function likenessOf(models: MatchedModels, permutations: Permutations = new Map()): Likeness {
  const { reference, model, layout, spec } = models;
  const moved =
    permutations.size === 0 ? model : permuteModel({ weights: model, layout, spec, permutations });
  let [objective, squaredDistance] = [0, 0];
  for (const { offset, size } of comparedTensors(spec, layout)) {
    for (let at = offset; at < offset + size; at++) {
      const difference = reference[at] - moved[at];
      objective += reference[at] * moved[at];
      squaredDistance += difference * difference;
    }
  }
  return { objective, squaredDistance };
}

/** ‖A‖ · ‖B‖ over the compared tensors: no objective is larger, so it is what "almost equal" is measured by. */
export function objectiveScale({ reference, model, layout, spec }: MatchedModels): number {
  let [ofReference, ofModel] = [0, 0];
  for (const { offset, size } of comparedTensors(spec, layout)) {
    for (let at = offset; at < offset + size; at++) {
      ofReference += reference[at] * reference[at];
      ofModel += model[at] * model[at];
    }
  }
  return Math.sqrt(ofReference * ofModel);
}
