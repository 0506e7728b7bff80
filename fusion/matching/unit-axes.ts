// Where the units of a permutation lie in the tensors of two models, as tables of offsets: what belongs to one unit becomes one
// row, whatever the tensor's shape. It knows no gains and chooses no permutation.
//
// Along one axis the map of all its permutations is pre ∘ p ∘ post: what is applied before p, and after. With y = post(x),
// Σₓ A[x] B[pre(p(post(x)))] = Σ_y A[post⁻¹(y)] B[pre(p(y))], so the row of unit u holds the entries of A under post⁻¹, and
// those of B under pre and under the maps of the other axes.
import type { AxisSegments, Segment } from '../symmetry/axis-map.ts';
import { axesByTensor, inverseOf, mapOf } from '../symmetry/axis-map.ts';
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';

/** One permutation on one axis of one tensor. */
export interface UnitAxis {
  readonly tensor: TensorLayout;
  readonly axis: number;
  readonly segment: Segment;
  /** On the same axis, applied before the segment. */
  readonly before: readonly Segment[];
  /** On the same axis, applied after it. */
  readonly after: readonly Segment[];
  /** The segments of the tensor's other axes. */
  readonly others: readonly AxisSegments[];
}

/**
 * By permutation, the axes that tell its units apart. A tensor with an axis of statistics is left out: running means and
 * variances have another scale than weights (Ainsworth et al., 2023, leave them out as well).
 */
export function unitAxesOf(spec: PermutationSpec, layout: ModelLayout): ReadonlyMap<string, UnitAxis[]> {
  const statistics = statisticsOf(spec);
  const byTensor = axesByTensor(spec);
  const found = new Map<string, UnitAxis[]>(spec.permutations.map(({ name }) => [name, []]));
  for (const tensor of layout.tensors) {
    if (statistics.has(tensor.name)) continue;
    const ofTensor = byTensor.get(tensor.name) ?? [];
    for (const { axis, segments } of ofTensor) {
      const others = ofTensor.filter((other) => other.axis !== axis);
      for (const [at, segment] of segments.entries()) {
        const [before, after] = [segments.slice(0, at), segments.slice(at + 1)];
        found.get(segment.permutation)?.push({ tensor, axis, segment, before, after, others });
      }
    }
  }
  return found;
}

/** Names of tensors that an axis of the spec calls statistics. */
export function statisticsOf(spec: PermutationSpec): ReadonlySet<string> {
  const axes = spec.permutations.flatMap((permutation) => permutation.axes);
  return new Set(axes.filter(({ isStatistic }) => isStatistic === true).map(({ tensor }) => tensor));
}

/** Offsets in the two flat vectors. An entry of a unit lies at an offset of the unit plus an offset of the other axes. */
export interface Offsets {
  readonly reference: Int32Array;
  readonly model: Int32Array;
}

/** [size, repeats · block]: the entries of each unit along the axis. */
export function unitOffsets(unitAxis: UnitAxis, permutations: Permutations): Offsets {
  const { tensor, axis, segment, before, after } = unitAxis;
  const length = tensor.shape[axis];
  const stride = strideOf(tensor, axis);
  const post = mapOf(after, permutations, length);
  const inReference = post === undefined ? undefined : inverseOf(post);
  const inModel = mapOf(before, permutations, length);
  const { size, start, repeats, block } = segment;
  const perUnit = repeats * block;
  const reference = new Int32Array(size * perUnit);
  const model = new Int32Array(size * perUnit);
  for (let unit = 0; unit < size; unit++) {
    for (let k = 0; k < perUnit; k++) {
      const entry = start + (Math.floor(k / block) * size + unit) * block + (k % block);
      reference[unit * perUnit + k] = (inReference?.[entry] ?? entry) * stride;
      model[unit * perUnit + k] = (inModel?.[entry] ?? entry) * stride;
    }
  }
  return { reference, model };
}

/** All places along the other axes, in row-major order; the tensor's own offset is in them. */
export function otherOffsets({ tensor, axis, others }: UnitAxis, permutations: Permutations): Offsets {
  let reference: Int32Array = Int32Array.of(tensor.offset);
  let model = reference;
  for (const [other, length] of tensor.shape.entries()) {
    if (other === axis) continue;
    const segments = others.find((each) => each.axis === other)?.segments ?? [];
    const stride = strideOf(tensor, other);
    const map = mapOf(segments, permutations, length);
    const isMoved = map !== undefined || model !== reference;
    const still = spread(reference, { length, stride });
    model = isMoved ? spread(model, { length, stride, map }) : still;
    reference = still;
  }
  return { reference, model };
}

function strideOf({ shape }: TensorLayout, axis: number): number {
  return shape.slice(axis + 1).reduce((product, length) => product * length, 1);
}

interface Spread {
  readonly length: number;
  readonly stride: number;
  /** Absent where nothing moves. */
  readonly map?: Uint32Array;
}

/** Every offset plus every entry of the axis. */
function spread(offsets: Int32Array, { length, stride, map }: Spread): Int32Array {
  const all = new Int32Array(offsets.length * length);
  let at = 0;
  for (const offset of offsets) {
    for (let entry = 0; entry < length; entry++, at++) all[at] = offset + (map?.[entry] ?? entry) * stride;
  }
  return all;
}
