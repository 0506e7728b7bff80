// Barriers by layer: only some layers go from one model to the other, the rest stays (Adilova et al. 2024). It does not know
// what a layer computes, only which tensors carry its name.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';
import { type Barrier, type BarrierOptions, heightAbove, lossBarrier } from './barrier.ts';
import { checkPoints } from './model-points.ts';

/** Tensors that move together. */
export interface Layer {
  readonly name: string;
  readonly tensors: readonly TensorLayout[];
}

export interface LayerBarrier {
  /** The layers that move, in the order of the model. */
  readonly layers: readonly string[];
  /** Above the line between the losses of the two whole models, as for the barrier of the whole. */
  readonly barrier: Barrier;
}

export interface LayerWiseOptions extends Omit<BarrierOptions, 'onPoint'> {
  readonly layout: ModelLayout;
  /** Default: by the names of the tensors. */
  readonly layers?: readonly Layer[];
  readonly onLayer?: (done: number, of: number) => void;
}

export interface LayerWiseBarriers {
  /** Each layer alone. */
  readonly single: readonly LayerBarrier[];
  /** The first layer, the first two, … up to the whole model. */
  readonly fromFirst: readonly LayerBarrier[];
  /** The last layer, the last two, … up to the whole model. */
  readonly fromLast: readonly LayerBarrier[];
}

/** Tensors in order, together where what comes before the last `/` or `.` of their names is equal. */
export function layersByName(layout: ModelLayout): readonly Layer[] {
  const layers = new Map<string, TensorLayout[]>();
  for (const tensor of layout.tensors) {
    const name = tensor.name.replace(/[/.][^/.]*$/, '');
    layers.set(name, [...(layers.get(name) ?? []), tensor]);
  }
  return [...layers].map(([name, tensors]) => ({ name, tensors }));
}

/**
 * sup over t of L(w with layers at t) − [(1 − t) L(from) + t L(to)], where w is `from` with the layers moved along the
 * line to `to` (Adilova et al. 2024: single layers, and cumulative ones from the first and from the last). Runs 3 ·
 * layers · points models.
 * @throws FusionError MELDMESH_FUSION_SHAPE for tensors outside the model, _NOT_FINITE, _SPEC
 */
export function layerWiseBarriers(options: LayerWiseOptions): LayerWiseBarriers {
  const { from, to, layout, layers = layersByName(layout) } = options;
  checkPoints([from, to], 2);
  checkLayers(layers, from.length);
  const ends = { from: options.evaluate(from), to: options.evaluate(to) };
  let done = 0;
  const measure = (moved: readonly Layer[]): LayerBarrier => {
    const barrier = barrierOfLayers(options, moved, ends);
    options.onLayer?.(++done, 3 * layers.length);
    return { layers: moved.map(({ name }) => name), barrier };
  };
  return {
    single: layers.map((layer) => measure([layer])),
    fromFirst: layers.map((_, i) => measure(layers.slice(0, i + 1))),
    fromLast: layers.map((_, i) => measure(layers.slice(layers.length - 1 - i))),
  };
}

/** The model `from` with these layers of `to`. */
export function withLayersOf(
  layers: readonly Layer[],
  models: { readonly from: Float32Array; readonly to: Float32Array },
): Float32Array {
  const weights = models.from.slice();
  for (const { tensors } of layers) {
    for (const { offset, size } of tensors) weights.set(models.to.subarray(offset, offset + size), offset);
  }
  return weights;
}

function barrierOfLayers(
  options: LayerWiseOptions,
  moved: readonly Layer[],
  ends: { readonly from: { readonly loss: number }; readonly to: { readonly loss: number } },
): Barrier {
  const line = lossBarrier({ ...options, to: withLayersOf(moved, options), onPoint: undefined });
  const heights = line.points.map((point) =>
    heightAbove(point, { start: ends.from.loss, end: ends.to.loss }),
  );
  const highest = heights.reduce((best, height, i) => (height > heights[best] ? i : best), 0);
  const most = line.points.reduce((loss, point) => Math.max(loss, point.loss), Number.NEGATIVE_INFINITY);
  return {
    ...line,
    barrier: heights[highest],
    t: line.points[highest].t,
    aboveMean: most - (ends.from.loss + ends.to.loss) / 2,
  };
}

function checkLayers(layers: readonly Layer[], size: number): void {
  if (layers.length === 0)
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', 'there is no layer; give at least one');
  for (const { name, tensors } of layers) {
    const outside = tensors.find((tensor) => tensor.offset < 0 || tensor.offset + tensor.size > size);
    if (outside === undefined) continue;
    const text = `the tensor ${outside.name} of layer ${name} ends beyond the ${size} weights; give the model's own layout`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', text);
  }
}
