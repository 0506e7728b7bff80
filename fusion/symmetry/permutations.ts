// The permutations of a spec as a group: the identity, inverses, products and random elements. It knows no model and no
// values; units inside units make this a wreath product, so nothing here works name by name alone.
import { FusionError } from '../errors.ts';
import type { Random } from '../types.ts';
import {
  type AxisSegments,
  axesByTensor,
  endOf,
  identityOf,
  inverseOf,
  isPermutation,
  mapOf,
  readMap,
} from './axis-map.ts';
import type { PermutationSpec, Permutations } from './permutation-spec.ts';

/** Every unit where it is. */
export function identityPermutations(spec: PermutationSpec): Permutations {
  return new Map(spec.permutations.map(({ name, size }) => [name, identityOf(size)]));
}

/** Uniform over all elements. The draws for a permutation depend on its name and size only (Fisher and Yates, 1938). */
export function randomPermutations(spec: PermutationSpec, random: Random): Permutations {
  const drawn = new Map<string, Uint32Array>();
  for (const { name, size } of spec.permutations) {
    const stream = random.fork(name);
    const permutation = identityOf(size);
    for (let last = size - 1; last > 0; last--) {
      const chosen = stream.below(last + 1);
      const unit = permutation[chosen];
      permutation[chosen] = permutation[last];
      permutation[last] = unit;
    }
    drawn.set(name, permutation);
  }
  return drawn;
}

/**
 * What brings a permuted model back. Throws `MELDMESH_FUSION_SPEC` like `checkPermutations` and `composePermutations`.
 */
export function invertPermutations(spec: PermutationSpec, permutations: Permutations): Permutations {
  checkPermutations(spec, permutations);
  return onEveryAxis(spec, (axis, length) => inverseOf(wholeMap(axis, permutations, length)));
}

/**
 * One element that does what `first` and then `second` do. Throws `MELDMESH_FUSION_SPEC` if either does not fit the
 * spec, or the spec has permutations inside some units of another one only: then the product may be none of its
 * elements.
 */
export function composePermutations(
  spec: PermutationSpec,
  { first, second }: { readonly first: Permutations; readonly second: Permutations },
): Permutations {
  checkPermutations(spec, first);
  checkPermutations(spec, second);
  return onEveryAxis(spec, (axis, length) => {
    const before = wholeMap(axis, first, length);
    return wholeMap(axis, second, length).map((source) => before[source]);
  });
}

/**
 * Reads the permutations off the axis maps. Each is read where it is met first, and must agree with the rest of that
 * axis.
 */
function onEveryAxis(
  spec: PermutationSpec,
  mapOn: (axis: AxisSegments, length: number) => Uint32Array,
): Permutations {
  const found = new Map<string, Uint32Array>();
  for (const axis of [...axesByTensor(spec).values()].flat()) {
    if (axis.segments.every(({ permutation }) => found.has(permutation))) continue;
    const length = axis.segments.reduce((most, segment) => Math.max(most, endOf(segment)), 0);
    readMap(axis, mapOn(axis, length), found);
  }
  for (const { name, size } of spec.permutations) if (!found.has(name)) found.set(name, identityOf(size));
  return found;
}

function wholeMap({ segments }: AxisSegments, permutations: Permutations, length: number): Uint32Array {
  return mapOf(segments, permutations, length) ?? identityOf(length);
}

/**
 * Throws `MELDMESH_FUSION_SPEC` if there is one for a name that the spec does not know, one of another size, or one
 * that is no permutation. Absent ones are fine.
 */
export function checkPermutations(spec: PermutationSpec, permutations: Permutations): void {
  const sizes = new Map(spec.permutations.map(({ name, size }) => [name, size]));
  for (const [name, permutation] of permutations) {
    const size = sizes.get(name);
    if (size === undefined) throw refusal(`the spec has no permutation "${name}"`);
    if (permutation.length !== size)
      throw refusal(`permutation "${name}" has ${permutation.length} units, but the spec says ${size}`);
    if (!isPermutation(permutation))
      throw refusal(`permutation "${name}" does not name each of its ${size} units once`);
  }
}

function refusal(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}
