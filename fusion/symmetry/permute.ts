// Moves the units of a flat model as a spec says. Values are copied, never computed with, so a model that is permuted
// and permuted back is the same to the last bit. It does not know where permutations come from.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import { axesByTensor, mapOf } from './axis-map.ts';
import { checkSpec } from './check.ts';
import type { PermutationSpec, Permutations } from './permutation-spec.ts';
import { checkPermutations } from './permutations.ts';

export interface PermuteOptions {
  /** Flat, as the layout says. Not written to. */
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  readonly permutations: Permutations;
}

/** From here on a copy by the engine is faster than a loop. */
const RUN_COPIED_MIN = 64;

/**
 * The same network with its units in another order, in new memory: along each axis of a permutation stands at place i
 * what stood at place `permutation[i]`, statistics included (Ainsworth et al., "Git Re-Basin", 2023, section 2). Throws
 * `MELDMESH_FUSION_SHAPE` for weights of another size than the layout, `MELDMESH_FUSION_SPEC` for a spec that does not
 * fit the layout or permutations that do not fit the spec.
 */
export function permuteModel({ weights, layout, spec, permutations }: PermuteOptions): Float32Array {
  if (weights.length !== layout.size)
    throw new FusionError(
      'MELDMESH_FUSION_SHAPE',
      `the weights have ${weights.length} values, but the layout says ${layout.size}`,
    );
  checkSpec(spec, layout);
  checkPermutations(spec, permutations);
  const permuted = weights.slice();
  const axes = axesByTensor(spec);
  for (const tensor of layout.tensors) {
    const maps = new Map<number, Uint32Array>();
    for (const { axis, segments } of axes.get(tensor.name) ?? []) {
      const map = mapOf(segments, permutations, tensor.shape[axis]);
      if (map !== undefined) maps.set(axis, map);
    }
    if (maps.size > 0) moveTensor(permuted, weights, levelsOf(tensor, maps));
  }
  return permuted;
}

/** One loop over a tensor: an axis that moves, or several in a row that do not. */
interface Level {
  readonly length: number;
  /** Entries from one index to the next. */
  readonly stride: number;
  readonly map: Uint32Array | undefined;
}

interface Walk {
  readonly offset: number;
  /** Outermost first. The last one moves. */
  readonly levels: readonly Level[];
}

function levelsOf({ shape, offset, size }: TensorLayout, maps: ReadonlyMap<number, Uint32Array>): Walk {
  const levels: Level[] = [];
  let stride = size;
  let resting = 1;
  for (const [axis, length] of shape.entries()) {
    const map = maps.get(axis);
    if (map === undefined) {
      resting *= length;
      continue;
    }
    if (resting > 1) {
      stride /= resting;
      levels.push({ length: resting, stride, map: undefined });
      resting = 1;
    }
    stride /= length;
    levels.push({ length, stride, map });
  }
  return { offset, levels };
}

function moveTensor(target: Float32Array, source: Float32Array, { offset, levels }: Walk): void {
  const descend = (depth: number, targetAt: number, sourceAt: number): void => {
    const { length, stride, map } = levels[depth];
    if (depth === levels.length - 1) {
      moveRuns({ target, source, targetAt, sourceAt, map: map ?? new Uint32Array(0), run: stride });
      return;
    }
    for (let i = 0; i < length; i++)
      descend(depth + 1, targetAt + i * stride, sourceAt + (map === undefined ? i : map[i]) * stride);
  };
  descend(0, offset, offset);
}

interface Runs {
  readonly target: Float32Array;
  readonly source: Float32Array;
  readonly targetAt: number;
  readonly sourceAt: number;
  readonly map: Uint32Array;
  /** Consecutive values that stay together. */
  readonly run: number;
}

function moveRuns({ target, source, targetAt, sourceAt, map, run }: Runs): void {
  const count = map.length;
  if (run === 1) {
    for (let i = 0; i < count; i++) target[targetAt + i] = source[sourceAt + map[i]];
    return;
  }
  if (run >= RUN_COPIED_MIN) {
    for (let i = 0; i < count; i++) {
      const from = sourceAt + map[i] * run;
      target.set(source.subarray(from, from + run), targetAt + i * run);
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    const from = sourceAt + map[i] * run;
    const to = targetAt + i * run;
    for (let k = 0; k < run; k++) target[to + k] = source[from + k];
  }
}
