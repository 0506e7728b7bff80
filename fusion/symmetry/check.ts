// Whether a permutation spec fits a model: every tensor accounted for, every segment inside its axis, and segments that
// share entries properly nested. It cannot tell whether the spec is true; that is what `prove.ts` is for.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import { type AxisSegments, axesByTensor, endOf, isNested, type Segment } from './axis-map.ts';
import type { PermutationOfUnits, PermutationSpec } from './permutation-spec.ts';

/** Of one spec that is read or inferred. GPT-2 XL, with 48 layers of 25 heads, takes 2,497 of them on 9,364 axes. */
export const PERMUTATIONS_MAX = 2 ** 16;
/** More names than these are counted, not listed. */
const NAMES_SHOWN_MAX = 8;
/** Longer ones are cut; a stranger's file may hold names of any length. */
const NAME_SHOWN_LENGTH_MAX = 120;

/**
 * Throws `MELDMESH_FUSION_SPEC`, naming tensors, unless
 * - every tensor of the layout is either on an axis of a permutation or in `untouched`, and no other one is named;
 * - names of permutations are unique, and sizes, blocks and repeats are whole numbers from 1;
 * - every segment ends inside its axis;
 * - two segments of an axis share no entry, or every repetition of the one lies in one block of the other, which comes
 *   later in the spec. So no permutation overlaps itself.
 * Time grows with segments · log(segments), whatever their sizes.
 */
export function checkSpec(spec: PermutationSpec, layout: ModelLayout): void {
  const names = new Set<string>();
  for (const permutation of spec.permutations) {
    if (names.has(permutation.name)) throw refusal(`two permutations are called "${permutation.name}"`);
    names.add(permutation.name);
    checkNumbers(permutation);
  }
  const axes = axesByTensor(spec);
  checkCoverage(spec, new Set(axes.keys()), layout);
  const tensors = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]));
  const order = new Map([...names].map((name, index) => [name, index]));
  for (const [name, ofTensor] of axes) {
    const tensor = tensors.get(name);
    if (tensor === undefined) continue;
    for (const each of ofTensor) checkAxis(each, tensor, order);
  }
}

function checkNumbers({ name, size, axes }: PermutationOfUnits): void {
  if (!isNatural(size) || size < 1) throw refusal(`permutation "${name}" has no whole number of units`);
  for (const { tensor, axis, start = 0, repeats = 1, block = 1 } of axes) {
    const isSound = [axis, start, repeats - 1, block - 1, repeats * size * block].every(isNatural);
    if (!isSound)
      throw refusal(`permutation "${name}" has an impossible place on tensor ${JSON.stringify(tensor)}`);
  }
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function checkCoverage(spec: PermutationSpec, moved: ReadonlySet<string>, layout: ModelLayout): void {
  const untouched = new Set(spec.untouched);
  const known = new Set(layout.tensors.map(({ name }) => name));
  const unknown = [...moved, ...untouched].filter((name) => !known.has(name));
  if (unknown.length > 0) throw refusal(`the model has no tensor ${listed(unknown)}, which the spec names`);
  const both = [...moved].filter((name) => untouched.has(name));
  if (both.length > 0) throw refusal(`the spec both moves and leaves untouched ${listed(both)}`);
  const open = [...known].filter((name) => !moved.has(name) && !untouched.has(name));
  if (open.length > 0)
    throw refusal(
      `no permutation moves tensor ${listed(open)}: add it to a permutation, or name it as untouched`,
    );
}

function checkAxis(axes: AxisSegments, tensor: TensorLayout, order: ReadonlyMap<string, number>): void {
  const place = `axis ${axes.axis} of tensor ${JSON.stringify(tensor.name)}`;
  if (axes.axis >= tensor.shape.length)
    throw refusal(`there is no ${place}, whose shape is [${tensor.shape.join(', ')}]`);
  for (const segment of axes.segments) {
    if (endOf(segment) > tensor.shape[axes.axis])
      throw refusal(
        `permutation "${segment.permutation}" reaches entry ${endOf(segment)} of ${place}, ` +
          `which has ${tensor.shape[axes.axis]}`,
      );
  }
  const rank = (segment: Segment): number => order.get(segment.permutation) ?? 0;
  const open: Segment[] = [];
  // Outer before inner: by start, the longer one first, and of two equal ones that which is applied later.
  const sorted = axes.segments.toSorted(
    (a, b) => a.start - b.start || endOf(b) - endOf(a) || rank(b) - rank(a),
  );
  for (const segment of sorted) {
    while (open.length > 0 && endOf(open[open.length - 1]) <= segment.start) open.pop();
    const outer = open.at(-1);
    // Nesting is transitive, so the innermost open one speaks for all.
    if (outer !== undefined && !(rank(segment) < rank(outer) && isNested(segment, outer)))
      throw refusal(
        `permutations "${segment.permutation}" and "${outer.permutation}" overlap on ${place}: one must lie in ` +
          'single units of the other and come before it',
      );
    open.push(segment);
  }
}

/** The first few names in quotes, and how many more there are. */
export function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN_MAX).map((name) => JSON.stringify(cut(name)));
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function cut(name: string): string {
  return name.length > NAME_SHOWN_LENGTH_MAX ? `${name.slice(0, NAME_SHOWN_LENGTH_MAX)}…` : name;
}

function refusal(message: string): FusionError {
  return new FusionError('MELDMESH_FUSION_SPEC', message);
}
