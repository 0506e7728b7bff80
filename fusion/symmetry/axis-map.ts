// Where every entry of one axis comes from when permutations move it, as one index map, and back from such a map to the
// permutations. It knows segments of an axis, not tensors and not values.
import { FusionError } from '../errors.ts';
import type { PermutationSpec, Permutations } from './permutation-spec.ts';

/** The place of one permutation on one axis, nothing absent. See `PermutedAxis`. */
export interface Segment {
  readonly permutation: string;
  /** Units. */
  readonly size: number;
  readonly start: number;
  readonly repeats: number;
  readonly block: number;
}

/** All segments of one axis in the order in which they are applied: inside first. */
export interface AxisSegments {
  readonly tensor: string;
  readonly axis: number;
  readonly segments: readonly Segment[];
}

/** One past the last entry that the segment can move. */
export function endOf({ start, repeats, size, block }: Segment): number {
  return start + repeats * size * block;
}

/** True if every repetition of `inner` lies within one block of `outer`. */
export function isNested(inner: Segment, outer: Segment): boolean {
  if (inner.start < outer.start || endOf(inner) > endOf(outer)) return false;
  const period = inner.size * inner.block;
  const length = inner.repeats * period;
  const toBoundary = outer.block - ((inner.start - outer.start) % outer.block);
  if (toBoundary >= length) return true;
  return toBoundary % period === 0 && (toBoundary + outer.block >= length || outer.block % period === 0);
}

/** By tensor, the axes that a spec moves, ascending. */
export function axesByTensor(spec: PermutationSpec): ReadonlyMap<string, readonly AxisSegments[]> {
  const byTensor = new Map<string, Map<number, Segment[]>>();
  for (const { name, size, axes } of spec.permutations) {
    for (const { tensor, axis, start = 0, repeats = 1, block = 1 } of axes) {
      const byAxis = byTensor.get(tensor) ?? new Map<number, Segment[]>();
      byTensor.set(tensor, byAxis);
      const segments = byAxis.get(axis) ?? [];
      byAxis.set(axis, segments);
      segments.push({ permutation: name, size, start, repeats, block });
    }
  }
  const axesOf = ([tensor, byAxis]: [string, Map<number, Segment[]>]): [string, AxisSegments[]] => [
    tensor,
    [...byAxis]
      .sort(([left], [right]) => left - right)
      .map(([axis, segments]) => ({ tensor, axis, segments })),
  ];
  return new Map([...byTensor].map(axesOf));
}

/**
 * map[i] is the entry that comes to stand at i, for an axis of that length; `undefined` where nothing moves. The
 * permutations must fit the segments.
 */
export function mapOf(
  segments: readonly Segment[],
  permutations: Permutations,
  length: number,
): Uint32Array | undefined {
  let map: Uint32Array | undefined;
  for (const segment of segments) {
    const permutation = permutations.get(segment.permutation);
    if (permutation === undefined || isIdentity(permutation)) continue;
    map ??= identityOf(length);
    gather(map, segment, permutation);
  }
  return map;
}

/** map ∘ the segment's own map, in place: what is moved last is looked up first. */
function gather(map: Uint32Array, segment: Segment, permutation: Uint32Array): void {
  const { start, repeats, size, block } = segment;
  const before = map.slice(start, endOf(segment));
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (let unit = 0; unit < size; unit++) {
      const target = (repeat * size + unit) * block;
      const source = (repeat * size + permutation[unit]) * block;
      for (let b = 0; b < block; b++) map[start + target + b] = before[source + b];
    }
  }
}

/**
 * The permutations that make `map` on this axis, into `found`; those already there are taken as they are. The outermost
 * is read off first and undone, so that what lies inside its units comes to light. Throws `MELDMESH_FUSION_SPEC` where
 * no permutations of these segments make the map.
 */
export function readMap(
  { tensor, axis, segments }: AxisSegments,
  map: Uint32Array,
  found: Map<string, Uint32Array>,
): void {
  const rest = map.slice();
  for (const segment of segments.toReversed()) {
    const permutation = found.get(segment.permutation) ?? readSegment(segment, rest);
    if (permutation === undefined) throw notClosed(tensor, axis, segment.permutation);
    found.set(segment.permutation, permutation);
    gather(rest, segment, inverseOf(permutation));
  }
  if (!isIdentity(rest)) throw notClosed(tensor, axis, segments[0].permutation);
}

/**
 * The units of the segment's first repetition in the order of the map; `undefined` if that is no permutation of them.
 */
function readSegment({ start, size, block }: Segment, map: Uint32Array): Uint32Array | undefined {
  const permutation = new Uint32Array(size);
  for (let unit = 0; unit < size; unit++) {
    const source = Math.floor((map[start + unit * block] - start) / block);
    if (source < 0 || source >= size) return undefined;
    permutation[unit] = source;
  }
  return isPermutation(permutation) ? permutation : undefined;
}

function notClosed(tensor: string, axis: number, permutation: string): FusionError {
  return new FusionError(
    'MELDMESH_FUSION_SPEC',
    `on axis ${axis} of tensor ${JSON.stringify(tensor)} the result is no permutation "${permutation}": ` +
      'give every unit that moves the same permutations inside it',
  );
}

export function identityOf(length: number): Uint32Array {
  return Uint32Array.from({ length }, (_, index) => index);
}

export function inverseOf(permutation: Uint32Array): Uint32Array {
  const inverse = new Uint32Array(permutation.length);
  for (let i = 0; i < permutation.length; i++) inverse[permutation[i]] = i;
  return inverse;
}

export function isIdentity(permutation: Uint32Array): boolean {
  for (let i = 0; i < permutation.length; i++) if (permutation[i] !== i) return false;
  return true;
}

/** True where each of 0 … length − 1 occurs once. */
export function isPermutation(candidate: Uint32Array): boolean {
  const seen = new Uint8Array(candidate.length);
  for (const unit of candidate) {
    if (unit >= seen.length || seen[unit] === 1) return false;
    seen[unit] = 1;
  }
  return true;
}
