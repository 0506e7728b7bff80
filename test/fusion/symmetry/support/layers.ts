// Layers of neural networks in float64, one sum after the other, for both layouts of kernels. Feature maps are
// [channel][row] [column]. Slow on purpose: these are what the symmetries are held against.
import assert from 'node:assert/strict';
import type { Tensor } from './tiny-model.ts';

export type Vector = readonly number[];
export type Matrix = readonly Vector[];
/** [channel][row][column] */
export type FeatureMap = readonly Matrix[];

export const relu = (x: number): number => Math.max(x, 0);
export const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
export const silu = (x: number): number => x * sigmoid(x);
/** The hyperbolic tangent approximation that GPT-2 uses. */
export const geluTanh = (x: number): number =>
  0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
/** x Φ(x), with the error function as a power series; for the small values of tiny models. */
export function gelu(x: number): number {
  const z = x / Math.SQRT2;
  let term = z;
  let sum = z;
  for (let n = 1; n < 200; n++) {
    term *= (-z * z) / n;
    sum += term / (2 * n + 1);
  }
  return 0.5 * x * (1 + (2 / Math.sqrt(Math.PI)) * sum);
}

export const add = (left: Vector, right: Vector): number[] => left.map((value, i) => value + right[i]);
export const addRows = (left: Matrix, right: Matrix): number[][] => left.map((row, i) => add(row, right[i]));
export const mapRows = (x: Matrix, f: (value: number) => number): number[][] => x.map((row) => row.map(f));
export const mapPixels = (x: FeatureMap, f: (value: number) => number): FeatureMap =>
  x.map((channel) => mapRows(channel, f));
export const addMaps = (left: FeatureMap, right: FeatureMap): FeatureMap =>
  left.map((channel, c) => addRows(channel, right[c]));

export interface Affine {
  readonly kernel: Tensor;
  readonly bias?: Tensor;
  /** Kernels are [outputs, inputs], as in PyTorch. */
  readonly isOutputFirst: boolean;
}

/** x W + b for one vector. */
export function linear(x: Vector, { kernel, bias, isOutputFirst }: Affine): number[] {
  const [rows, columns] = kernel.shape;
  const outputs = isOutputFirst ? rows : columns;
  assert.equal(x.length, isOutputFirst ? columns : rows);
  return Array.from({ length: outputs }, (_, out) => {
    let sum = bias?.data[out] ?? 0;
    for (const [i, value] of x.entries())
      sum += value * kernel.data[isOutputFirst ? out * columns + i : i * columns + out];
    return sum;
  });
}

export interface Convolution extends Affine {
  readonly groups?: number;
  readonly stride?: number;
  readonly padding?: number;
}

/**
 * Cross-correlation, as frameworks convolve. Kernels are [out, in / groups, height, width] or [height, width, in /
 * groups, out].
 */
export function convolution(x: FeatureMap, options: Convolution): FeatureMap {
  const { kernel, bias, isOutputFirst, groups = 1, stride = 1, padding = 0 } = options;
  const { shape, data } = kernel;
  const [outputs, inputs, height, width] = isOutputFirst ? shape : [shape[3], shape[2], shape[0], shape[1]];
  assert.equal(x.length, inputs * groups);
  const at = (out: number, input: number, row: number, column: number): number =>
    isOutputFirst
      ? data[((out * inputs + input) * height + row) * width + column]
      : data[((row * width + column) * inputs + input) * outputs + out];
  const side = (length: number, window: number): number =>
    Math.floor((length + 2 * padding - window) / stride) + 1;
  return Array.from({ length: outputs }, (_, out) =>
    Array.from({ length: side(x[0].length, height) }, (_, row) =>
      Array.from({ length: side(x[0][0].length, width) }, (_, column) => {
        const first = Math.floor(out / (outputs / groups)) * inputs;
        let sum = bias?.data[out] ?? 0;
        for (let input = 0; input < inputs; input++)
          for (let r = 0; r < height; r++)
            for (let c = 0; c < width; c++) {
              const pixel =
                x[first + input][row * stride + r - padding]?.[column * stride + c - padding] ?? 0;
              sum += pixel * at(out, input, r, c);
            }
        return sum;
      }),
    ),
  );
}

/**
 * A depthwise kernel of TensorFlow.js, [height, width, channels, multiplier]: output c · multiplier + m is of channel
 * c.
 */
export function depthwiseConvolution(x: FeatureMap, kernel: Tensor): FeatureMap {
  const [height, width, channels, multiplier] = kernel.shape;
  return x.flatMap((channel, c) =>
    Array.from({ length: multiplier }, (_, m) =>
      Array.from({ length: channel.length - height + 1 }, (_, row) =>
        Array.from({ length: channel[0].length - width + 1 }, (_, column) => {
          let sum = 0;
          for (let r = 0; r < height; r++)
            for (let k = 0; k < width; k++)
              sum +=
                channel[row + r][column + k] * kernel.data[((r * width + k) * channels + c) * multiplier + m];
          return sum;
        }),
      ),
    ),
  );
}

export interface Scale {
  readonly scale: Tensor;
  readonly shift?: Tensor;
  readonly epsilon?: number;
}

/** Of one vector over its entries. */
export function layerNorm(x: Vector, { scale, shift, epsilon = 1e-5 }: Scale): number[] {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map(
    (value, i) => ((value - mean) / Math.sqrt(variance + epsilon)) * scale.data[i] + (shift?.data[i] ?? 0),
  );
}

export function rmsNorm(x: Vector, { scale, epsilon = 1e-5 }: Scale): number[] {
  const square = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  return x.map((value, i) => (value / Math.sqrt(square + epsilon)) * scale.data[i]);
}

export interface BatchNorm extends Scale {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** By the running statistics, as in use. */
export function batchNorm(
  x: FeatureMap,
  { scale, shift, mean, variance, epsilon = 1e-5 }: BatchNorm,
): FeatureMap {
  return x.map((channel, c) => {
    const factor = scale.data[c] / Math.sqrt(variance.data[c] + epsilon);
    return mapRows(channel, (value) => (value - mean.data[c]) * factor + (shift?.data[c] ?? 0));
  });
}

export function groupNorm(
  x: FeatureMap,
  { scale, shift, groups, epsilon = 1e-5 }: Scale & { readonly groups: number },
): FeatureMap {
  const perGroup = x.length / groups;
  return x.map((channel, c) => {
    const first = Math.floor(c / perGroup) * perGroup;
    const pixels = x.slice(first, first + perGroup).flat(2);
    const mean = pixels.reduce((sum, value) => sum + value, 0) / pixels.length;
    const variance = pixels.reduce((sum, value) => sum + (value - mean) ** 2, 0) / pixels.length;
    const factor = scale.data[c] / Math.sqrt(variance + epsilon);
    return mapRows(channel, (value) => (value - mean) * factor + (shift?.data[c] ?? 0));
  });
}

export const globalMean = (x: FeatureMap): number[] =>
  x.map((channel) => channel.flat().reduce((sum, value) => sum + value, 0) / channel.flat().length);

export const channelsFirst = (x: FeatureMap): number[] => x.flat(2);
export const channelsLast = (x: FeatureMap): number[] =>
  x[0].flatMap((row, r) => row.flatMap((_, column) => x.map((channel) => channel[r][column])));

export function softmax(x: Vector): number[] {
  const largest = Math.max(...x);
  const powers = x.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

export interface Heads {
  /** [position][heads · head size] */
  readonly queries: Matrix;
  readonly keys: Matrix;
  readonly values: Matrix;
  readonly heads: number;
  readonly keyHeads?: number;
  readonly isCausal?: boolean;
  readonly rotaryBase?: number;
}

/** Scaled dot-product attention, the heads' results side by side. Query heads that share keys follow one another. */
export function attention({
  queries,
  keys,
  values,
  heads,
  keyHeads = heads,
  isCausal,
  rotaryBase,
}: Heads): number[][] {
  const size = queries[0].length / heads;
  const turned = (head: Vector, position: number): Vector =>
    rotaryBase === undefined ? head : rotated(head, position, rotaryBase);
  return queries.map((query, position) =>
    Array.from({ length: heads }, (_, head) => {
      const shared = Math.floor(head / (heads / keyHeads));
      const part = (row: Vector, which: number): Vector => row.slice(which * size, (which + 1) * size);
      const asked = turned(part(query, head), position);
      const seen = isCausal === true ? position + 1 : keys.length;
      const scores = keys.slice(0, seen).map((key, at) => {
        const answer = turned(part(key, shared), at);
        return asked.reduce((sum, value, i) => sum + value * answer[i], 0) / Math.sqrt(size);
      });
      const shares = softmax(scores);
      return Array.from({ length: size }, (_, i) =>
        shares.reduce((sum, share, at) => sum + share * part(values[at], shared)[i], 0),
      );
    }).flat(),
  );
}

/** Turns value i with value i + half, as the Llama of Hugging Face does. */
function rotated(head: Vector, position: number, base: number): number[] {
  const half = head.length / 2;
  return head.map((value, i) => {
    const angle = position / base ** ((2 * (i % half)) / head.length);
    const partner = i < half ? -head[i + half] : head[i - half];
    return value * Math.cos(angle) + partner * Math.sin(angle);
  });
}
