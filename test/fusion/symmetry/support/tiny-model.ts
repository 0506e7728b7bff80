// A tiny model with weights of its own in every tensor, and the tensors by name for slow obvious forward passes. It
// knows no architecture. The numbers come from a generator that `test/fixtures/symmetry/networks.py` repeats to the
// bit.
import assert from 'node:assert/strict';
import type { ModelLayout } from '../../../../fusion/types.ts';

export type Shapes = Readonly<Record<string, readonly number[]>>;

/** Values of one tensor in row-major order. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

export type Tensors = (name: string) => Tensor;

/** A network: the shapes of its tensors, and its outputs as a function of them. */
export interface TinyNetwork {
  readonly name: string;
  readonly shapes: Shapes;
  forward(tensors: Tensors): number[];
}

export function layoutOfShapes(shapes: Shapes): ModelLayout {
  let offset = 0;
  const tensors = Object.entries(shapes).map(([name, shape]) => {
    const size = shape.reduce((product, length) => product * length, 1);
    const tensor = { name, shape, offset, size };
    offset += size;
    return tensor;
  });
  return { tensors, size: offset };
}

/** So many numbers in [−0.5, 0.5) of 24 bits: a linear congruential generator (Numerical Recipes, section 7.1). */
export function numbers(count: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 2 ** 24 - 0.5;
  });
}

/** The same for every layout of that size; variances, which must be positive, are their magnitude and a half. */
export function weightsOf(layout: ModelLayout): Float32Array {
  const weights = Float32Array.from(numbers(layout.size, 1));
  for (const { name, offset, size } of layout.tensors) {
    if (!/(running_var|moving_variance)$/.test(name)) continue;
    for (let i = offset; i < offset + size; i++) weights[i] = Math.abs(weights[i]) + 0.5;
  }
  return weights;
}

export function tensorsOf(layout: ModelLayout, weights: Float32Array): Tensors {
  return (name) => {
    const tensor = layout.tensors.find((each) => each.name === name);
    assert(tensor !== undefined, `the model has no ${name}`);
    const { shape, offset, size } = tensor;
    return { shape, data: Array.from(weights.subarray(offset, offset + size)) };
  };
}

/** Always the same inputs: rows of values in ±2. */
export function rows(count: number, width: number): number[][] {
  const values = numbers(count * width, 2).map((value) => 4 * value);
  return Array.from({ length: count }, (_, row) => values.slice(row * width, (row + 1) * width));
}

/** Always the same picture: [channel][row][column], values in ±2. */
export function picture(channels: number, side: number): number[][][] {
  const lines = rows(channels * side, side);
  return Array.from({ length: channels }, (_, channel) => lines.slice(channel * side, (channel + 1) * side));
}
