// Units that are mixtures of other units: a matrix applied along the axes of a permutation, where a permutation matrix would move
// whole units. What relaxed matchings and optimal transport have in common. It does not know where the matrices come from.
import { FusionError } from '../errors.ts';
import { type AxisSegments, axesByTensor, type Segment } from '../symmetry/axis-map.ts';
import type { PermutationSpec } from '../symmetry/permutation-spec.ts';
import type { ModelLayout } from '../types.ts';
import type { MatrixProduct } from './matrix-product.ts';

/** [targets, sources], row after row: what each target unit takes of each source unit. */
export interface Mixture {
  readonly weights: Float32Array;
  readonly targets: number;
  readonly sources: number;
}

/** By permutation. */
export type Mixtures = ReadonlyMap<string, Mixture>;

export interface Tensor {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** Values of one product, 8 MiB of float64. */
const PRODUCT_MAX = 2 ** 20;

/** Throws a FusionError where a unit has permutations inside: its mixture with another one would need theirs to agree. */
export function checkMixable(spec: PermutationSpec): void {
  for (const { tensor, axis, segments } of [...axesByTensor(spec).values()].flat()) {
    if (segments.length < 2) continue;
    const names = segments.map(({ permutation }) => `"${permutation}"`).join(' and ');
    const message =
      `axis ${axis} of tensor ${JSON.stringify(tensor)} has the permutations ${names}, and units can only be mixed where ` +
      'there is one: match by weights or activations instead';
    throw new FusionError('MELDMESH_FUSION_SPEC', message);
  }
}

export interface MixModelOptions {
  /** Flat. */
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  /** As many targets as sources; absent ones leave their units as they are. */
  readonly mixtures: Mixtures;
  readonly product: MatrixProduct;
  /** Names of the tensors that matter; the others are only copied. Default: all. */
  readonly tensors?: ReadonlySet<string>;
}

/** The model with its units mixed, statistics included, in new memory. */
export function mixModel(options: MixModelOptions): Float32Array {
  const { weights, layout, spec, mixtures, product, tensors } = options;
  const mixed = weights.slice();
  const axes = axesByTensor(spec);
  for (const { name, shape, offset, size } of layout.tensors) {
    if (tensors !== undefined && !tensors.has(name)) continue;
    let tensor: Tensor = { values: weights.subarray(offset, offset + size), shape };
    for (const each of axes.get(name) ?? []) tensor = mixAxis(tensor, { axes: each, mixtures, product });
    if (tensor.values.buffer !== weights.buffer) mixed.set(tensor.values, offset);
  }
  return mixed;
}

export interface AxisMixing {
  /** One axis with one segment. */
  readonly axes: AxisSegments;
  readonly mixtures: Mixtures;
  readonly product: MatrixProduct;
}

/** One axis of a tensor mixed; the same tensor where there is no mixture for it. The axis may change its length. */
export function mixAxis(tensor: Tensor, { axes, mixtures, product }: AxisMixing): Tensor {
  const { axis, segments } = axes;
  const mixture = mixtures.get(segments[0].permutation);
  if (mixture === undefined) return tensor;
  const source = walkOf(tensor.shape, axis, segments[0]);
  const grown = source.repeats * source.block * (mixture.targets - mixture.sources);
  const shape = tensor.shape.with(axis, tensor.shape[axis] + grown);
  const target = walkOf(shape, axis, { ...segments[0], size: mixture.targets });
  const values = new Float32Array(shape.reduce((size, length) => size * length, 1));
  copyRest(tensor.values, source, values, target);
  mixSegment({ from: tensor.values, source, to: values, target, mixture, product });
  return { values, shape };
}

/** How the units of a segment lie in a tensor. */
interface Walk {
  /** Indices of the axes before, and values from one index of this axis to the next. */
  readonly outer: number;
  readonly inner: number;
  /** Of this axis. */
  readonly length: number;
  readonly start: number;
  readonly repeats: number;
  readonly size: number;
  readonly block: number;
}

function walkOf(shape: readonly number[], axis: number, { start, repeats, size, block }: Segment): Walk {
  const product = (lengths: readonly number[]) => lengths.reduce((total, length) => total * length, 1);
  const [outer, inner] = [product(shape.slice(0, axis)), product(shape.slice(axis + 1))];
  return { outer, inner, length: shape[axis], start, repeats, size, block };
}

/** What stands on the axis before and after the segment stays. */
function copyRest(from: Float32Array, source: Walk, to: Float32Array, target: Walk): void {
  const [sourceEnd, targetEnd] = [source, target].map(
    ({ start, repeats, size, block }) => start + repeats * size * block,
  );
  for (let outer = 0; outer < source.outer; outer++) {
    const [sourceAt, targetAt] = [outer * source.length, outer * target.length];
    const { inner, start, length } = source;
    to.set(from.subarray(sourceAt * inner, (sourceAt + start) * inner), targetAt * inner);
    to.set(
      from.subarray((sourceAt + sourceEnd) * inner, (sourceAt + length) * inner),
      (targetAt + targetEnd) * inner,
    );
  }
}

interface SegmentMixing {
  readonly from: Float32Array;
  readonly source: Walk;
  readonly to: Float32Array;
  readonly target: Walk;
  readonly mixture: Mixture;
  readonly product: MatrixProduct;
}

function mixSegment({ from, source, to, target, mixture, product }: SegmentMixing): void {
  const { weights, targets, sources } = mixture;
  const places = source.outer * source.repeats * source.block * source.inner;
  const chunk = Math.max(1, Math.min(places, Math.floor(PRODUCT_MAX / Math.max(targets, sources))));
  const right = new Float32Array(chunk * sources);
  const mixed = new Float64Array(chunk * targets);
  const [sourceStep, targetStep] = [source.block * source.inner, target.block * target.inner];
  for (let first = 0; first < places; first += chunk) {
    const columns = Math.min(chunk, places - first);
    for (let place = 0; place < columns; place++) {
      const at = offsetOf(source, first + place);
      for (let unit = 0; unit < sources; unit++) right[place * sources + unit] = from[at + unit * sourceStep];
    }
    mixed.fill(0);
    product({ left: weights, right, rows: targets, columns, depth: sources, into: mixed });
    for (let place = 0; place < columns; place++) {
      const at = offsetOf(target, first + place);
      for (let unit = 0; unit < targets; unit++) to[at + unit * targetStep] = mixed[unit * columns + place];
    }
  }
}

/** Where unit 0 lies for one place along all that is not the unit. */
function offsetOf({ outer, inner, length, start, repeats, size, block }: Walk, place: number): number {
  const within = place % inner;
  const ofBlock = Math.floor(place / inner) % block;
  const ofRepeat = Math.floor(place / (inner * block)) % repeats;
  const ofOuter = Math.floor(place / (inner * block * repeats)) % outer;
  return (ofOuter * length + start + ofRepeat * size * block + ofBlock) * inner + within;
}
