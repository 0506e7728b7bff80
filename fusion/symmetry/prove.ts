// Holds a permutation spec against the model itself: what is called a symmetry must leave the outputs alone. It does
// not know how a model is run; that comes in as a plain function.
import { FusionError } from '../errors.ts';
import type { ModelLayout, Random } from '../types.ts';
import type { PermutationSpec, Permutations } from './permutation-spec.ts';
import { randomPermutations } from './permutations.ts';
import { permuteModel } from './permute.ts';

export interface ProofOptions {
  /** Flat, as the layout says. */
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  /** All numbers that the model answers with on inputs of the caller's choice, always the same inputs. */
  readonly outputs: (weights: Float32Array) => ArrayLike<number>;
  readonly random: Random;
  /** Random elements tried. */
  readonly draws?: number;
  /** Largest difference allowed, as a share of the largest output. */
  readonly tolerance?: number;
}

export interface SpecProof {
  readonly holds: boolean;
  /** Stands in for the error where the spec does not hold. */
  readonly code?: 'MELDMESH_FUSION_SPEC';
  /** Largest |y′ − y| over all outputs and draws, divided by the largest |y| of the model as it was. */
  readonly largestDifference: number;
  readonly draws: number;
  /** Where it does not hold, the smallest set of permutations found that changes the outputs. */
  readonly breaking: readonly string[];
  /** Tensors on an axis that no draw changed, as where all entries are equal: about these the proof says nothing. */
  readonly unmoved: readonly string[];
}

const DRAWS = 4;
/** What float32 forward passes keep. */
const TOLERANCE = 1e-5;

/**
 * Applies random permutations to the model and compares its outputs. A spec that is wrong somewhere is found unless the
 * weights there are all alike, or the inputs never reach them. Throws `MELDMESH_FUSION_SPEC` for a spec that does not
 * fit the layout, `MELDMESH_FUSION_SHAPE` for weights of another size, `MELDMESH_FUSION_NOT_FINITE` where the model's
 * own outputs are not finite, and `MELDMESH_FUSION_TOO_FEW` where there are no outputs or no draws.
 */
export function proveSpec(options: ProofOptions): SpecProof {
  const { weights, layout, spec, random, draws = DRAWS, tolerance = TOLERANCE } = options;
  if (!Number.isInteger(draws) || draws < 1)
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', 'a proof needs at least one draw');
  const difference = differenceFrom(options);
  const unmoved = new Set(spec.permutations.flatMap(({ axes }) => axes.map(({ tensor }) => tensor)));
  let largestDifference = 0;
  let breaking: readonly string[] = [];
  for (let draw = 0; draw < draws; draw++) {
    const permutations = randomPermutations(spec, random.fork(`draw ${draw}`));
    const permuted = permuteModel({ weights, layout, spec, permutations });
    for (const { name, offset, size } of layout.tensors)
      if (unmoved.has(name) && differs({ weights, permuted, offset, size })) unmoved.delete(name);
    const found = difference(permuted);
    largestDifference = Math.max(largestDifference, found);
    if (found <= tolerance || breaking.length > 0) continue;
    breaking = smallestBreaking([...permutations], (some) => {
      const moved = permuteModel({ weights, layout, spec, permutations: some });
      return difference(moved) > tolerance;
    });
  }
  const holds = largestDifference <= tolerance;
  const proof = { holds, largestDifference, draws, breaking, unmoved: [...unmoved] };
  return holds ? proof : { ...proof, code: 'MELDMESH_FUSION_SPEC' };
}

/** The distance of a model's outputs from those of the model to be proved. Infinite where they are not finite. */
function differenceFrom({ weights, outputs }: ProofOptions): (permuted: Float32Array) => number {
  // A copy, since the function may answer with the same memory each time.
  const original = Float64Array.from(outputs(weights));
  if (original.length === 0)
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', 'a model without outputs proves nothing');
  const largest = original.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (!Number.isFinite(largest))
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', 'the model gives outputs that are not finite');
  return (permuted) => {
    const after = outputs(permuted);
    if (after.length !== original.length) return Number.POSITIVE_INFINITY;
    let most = 0;
    for (let i = 0; i < original.length; i++) most = Math.max(most, Math.abs(after[i] - original[i]));
    if (most === 0) return 0;
    return Number.isFinite(most) ? most / largest : Number.POSITIVE_INFINITY;
  };
}

interface Stretch {
  readonly weights: Float32Array;
  readonly permuted: Float32Array;
  readonly offset: number;
  readonly size: number;
}

function differs({ weights, permuted, offset, size }: Stretch): boolean {
  for (let i = offset; i < offset + size; i++) if (weights[i] !== permuted[i]) return true;
  return false;
}

/** Halves a set that breaks the model while one of the halves still does. */
function smallestBreaking(
  set: readonly (readonly [string, Uint32Array])[],
  breaks: (some: Permutations) => boolean,
): readonly string[] {
  if (set.length > 1) {
    const middle = set.length >> 1;
    for (const half of [set.slice(0, middle), set.slice(middle)])
      if (breaks(new Map(half))) return smallestBreaking(half, breaks);
  }
  return set.map(([name]) => name);
}
