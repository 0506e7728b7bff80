// Which tensors of a model are a dense or convolutional layer with its bias, and which are a batch norm, told by the
// usual names of TensorFlow.js and PyTorch. It does not know how the layers are connected.
import { FusionError } from '../errors.ts';
import type { ModelLayout, TensorLayout } from '../types.ts';

/** A layer whose output is affine in its weights: kernel, bias, and on which axis of the kernel its units lie. */
export interface AffineLayer {
  readonly name: string;
  readonly kernel: string;
  /** Absent where the layer has none; then its mean cannot be moved. */
  readonly bias?: string;
  readonly unitAxis: number;
}

/** A batch norm by the names of its running statistics. */
export interface BatchNormLayer {
  readonly name: string;
  readonly mean: string;
  readonly variance: string;
}

/**
 * In order of the layout: `…/kernel` with units on the last axis (TensorFlow.js), `….weight` of two axes or more with
 * units on the first (PyTorch). Embeddings and norms of PyTorch with two axes or more have to be left out by the caller.
 */
export function affineLayersOf(layout: ModelLayout): readonly AffineLayer[] {
  const names = new Set(layout.tensors.map(({ name }) => name));
  return layout.tensors.flatMap(({ name: kernel, shape }) => {
    const [, name, kind] = /^(.*?)[/.](kernel|weight)$/.exec(kernel) ?? [];
    if (name === undefined || shape.length < 2) return [];
    const bias = `${name}${kind === 'kernel' ? '/' : '.'}bias`;
    const unitAxis = kind === 'kernel' ? shape.length - 1 : 0;
    return [{ name, kernel, unitAxis, ...(names.has(bias) ? { bias } : {}) }];
  });
}

/** In order of the layout: `…/moving_mean` and `…/moving_variance`, or `….running_mean` and `….running_var`. */
export function batchNormsOf(layout: ModelLayout): readonly BatchNormLayer[] {
  const names = new Set(layout.tensors.map(({ name }) => name));
  return layout.tensors.flatMap(({ name: mean }) => {
    const [, name, kind] = /^(.*?)[/.](moving_mean|running_mean)$/.exec(mean) ?? [];
    if (name === undefined) return [];
    const variance = kind === 'moving_mean' ? `${name}/moving_variance` : `${name}.running_var`;
    return names.has(variance) ? [{ name, mean, variance }] : [];
  });
}

/** @throws FusionError MELDMESH_FUSION_SHAPE where the model has no tensor of that name. */
export function tensorNamed(layout: ModelLayout, name: string): TensorLayout {
  const tensor = layout.tensors.find((each) => each.name === name);
  if (tensor !== undefined) return tensor;
  const text = `the model has no tensor ${name}; name one of its layout`;
  throw new FusionError('MELDMESH_FUSION_SHAPE', text);
}

/** Multiplies all entries of unit u along the axis by factors[u]. */
export function scaleUnits(
  weights: Float32Array,
  place: { readonly tensor: TensorLayout; readonly axis: number },
  factors: Float64Array,
): void {
  const { tensor, axis } = place;
  const inner = tensor.shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const units = tensor.shape[axis];
  for (let i = 0; i < tensor.size; i++) {
    weights[tensor.offset + i] *= factors[Math.floor(i / inner) % units];
  }
}
