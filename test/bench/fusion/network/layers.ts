// The layers of a benchmark network, forward and backward: convolution, dense, batch norm, ReLU, sum, pooling. One function a
// layer, so that an architecture reads like its figure. Products go through the kernels that training uses.
import { ACTIVATIONS } from '../../../../learning/kernels/module.ts';
import type { NetworkDraft } from './network-draft.ts';
import { gatherPatches, scatterPatches, windowsOf } from './patches.ts';
import { type Room, type Step, sizeOf, type Value } from './value.ts';

export interface ConvolutionOptions {
  readonly from: Value;
  readonly units: number;
  /** Edge of the window; 1 makes a dense layer over the channels. */
  readonly window: number;
  readonly stride?: number;
  /** Absent where a batch norm follows. Default true. */
  readonly hasBias?: boolean;
}

/** A kernel's gradient is summed over so many windows at a time, which stay in the second-level cache. */
const ROWS_AT_ONCE = 1_024;

/** Kernel [window, window, inputs, units] and bias [units]; padding "same". */
export function convolution(draft: NetworkDraft, name: string, options: ConvolutionOptions): Value {
  const { from, units, window, stride = 1, hasBias = true } = options;
  const windows = windowsOf(from.shape, { window, stride });
  const depth = window * window * from.shape.channels;
  const isVector = from.shape.height * from.shape.width === 1;
  const kernel = draft.tensor(
    `${name}/kernel`,
    isVector ? [depth, units] : [window, window, from.shape.channels, units],
  );
  const bias = hasBias ? draft.tensor(`${name}/bias`, [units]) : undefined;
  const pixels = windows.height * windows.width;
  const isCopy = window === 1 && stride === 1;
  const patchFloats = draft.samplesMax * pixels * depth;
  const patchesAt = isCopy ? from.at : draft.floats(patchFloats);
  draft.share({
    scratchFloats: Math.max(patchFloats, kernel.size),
    depth: Math.max(depth, units, ROWS_AT_ONCE),
  });
  const shape = { height: windows.height, width: windows.width, channels: units };
  const output = draft.step(shape, (to) => (room) => {
    const kernelAt = room.weightsAt + 4 * kernel.offset;
    const biasAt = bias === undefined ? 0 : room.weightsAt + 4 * bias.offset;
    const product = productIn(room);
    return {
      forward(samples) {
        const rows = samples * pixels;
        if (!isCopy) {
          const map = room.floats(from.at, samples * sizeOf(from.shape));
          gatherPatches(windows, { map, patches: room.floats(patchesAt, rows * depth), samples });
        }
        product({ left: patchesAt, right: kernelAt, out: to.at, bias: biasAt, rows, columns: units, depth });
      },
      backward(samples) {
        const [rows, right] = [samples * pixels, to.gradientAt];
        const kernelGradient = room.floats(room.gradientAt + 4 * kernel.offset, kernel.size);
        kernelGradient.fill(0);
        for (let row = 0; row < rows; row += ROWS_AT_ONCE) {
          const part = Math.min(ROWS_AT_ONCE, rows - row);
          const [left, own] = [patchesAt + 4 * row * depth, right + 4 * row * units];
          const turned = { left, isLeftTurned: true, right: own, out: room.scratchAt };
          product({ ...turned, rows: depth, columns: units, depth: part });
          addTo(kernelGradient, room.floats(room.scratchAt, kernel.size));
        }
        if (bias !== undefined) {
          const sums = room.floats(room.gradientAt + 4 * bias.offset, units);
          sumRows(room.floats(right, rows * units), sums);
        }
        if (from.steps === 0) return;
        const patchGradient = { left: right, right: kernelAt, isRightTurned: true, out: room.scratchAt };
        product({ ...patchGradient, rows, columns: depth, depth: units });
        const map = room.floats(from.gradientAt, samples * sizeOf(from.shape));
        const patches = room.floats(room.scratchAt, rows * depth);
        if (isCopy) addTo(map, patches);
        else scatterPatches(windows, { map, patches, samples });
      },
    };
  });
  draft.preActivations.set(name, [output]);
  return output;
}

/** Kernel [inputs, units] and bias [units] over a vector. */
export function dense(
  draft: NetworkDraft,
  name: string,
  { from, units }: { readonly from: Value; readonly units: number },
): Value {
  return convolution(draft, name, { from, units, window: 1 });
}

export function relu(draft: NetworkDraft, from: Value): Value {
  return elementwise(draft, from, {
    forward: (input, output) => {
      for (let i = 0; i < output.length; i++) output[i] = Math.max(input[i], 0);
    },
    backward: (input, gradient, inputGradient) => {
      for (let i = 0; i < gradient.length; i++) if (input[i] > 0) inputGradient[i] += gradient[i];
    },
  });
}

/** The sum of two maps of one shape. */
export function sum(draft: NetworkDraft, left: Value, right: Value): Value {
  const size = sizeOf(left.shape);
  return draft.step(left.shape, (to) => (room) => ({
    forward(samples) {
      const [a, b] = [room.floats(left.at, samples * size), room.floats(right.at, samples * size)];
      const output = room.floats(to.at, samples * size);
      for (let i = 0; i < output.length; i++) output[i] = a[i] + b[i];
    },
    backward(samples) {
      const gradient = room.floats(to.gradientAt, samples * size);
      for (const { gradientAt } of [left, right]) addTo(room.floats(gradientAt, samples * size), gradient);
    },
  }));
}

/** The largest of each 2 × 2 pixels; an odd last row or column is left out. */
export function maxPool(draft: NetworkDraft, from: Value): Value {
  const { height, width, channels } = from.shape;
  const shape = { height: height >> 1, width: width >> 1, channels };
  return draft.step(shape, (to) => (room) => {
    const chosen = new Uint32Array(draft.samplesMax * sizeOf(shape));
    return {
      forward(samples) {
        const input = room.floats(from.at, samples * sizeOf(from.shape));
        const output = room.floats(to.at, samples * sizeOf(shape));
        const below = width * channels;
        for (let row = 0, at = 0; row < samples * shape.height; row++) {
          const [sample, y] = [Math.floor(row / shape.height), row % shape.height];
          for (let x = 0; x < shape.width; x++) {
            let corner = ((sample * height + 2 * y) * width + 2 * x) * channels;
            for (let c = 0; c < channels; c++, at++, corner++) {
              let best = corner;
              if (input[corner + channels] > input[best]) best = corner + channels;
              if (input[corner + below] > input[best]) best = corner + below;
              if (input[corner + below + channels] > input[best]) best = corner + below + channels;
              chosen[at] = best;
              output[at] = input[best];
            }
          }
        }
      },
      backward(samples) {
        const gradient = room.floats(to.gradientAt, samples * sizeOf(shape));
        const inputGradient = room.floats(from.gradientAt, samples * sizeOf(from.shape));
        for (let at = 0; at < gradient.length; at++) inputGradient[chosen[at]] += gradient[at];
      },
    };
  });
}

/** The mean over all pixels, as a vector. */
export function meanPool(draft: NetworkDraft, from: Value): Value {
  const { height, width, channels } = from.shape;
  const pixels = height * width;
  return draft.step({ height: 1, width: 1, channels }, (to) => (room) => ({
    forward(samples) {
      const input = room.floats(from.at, samples * pixels * channels);
      const output = room.floats(to.at, samples * channels);
      output.fill(0);
      for (let pixel = 0, at = 0; pixel < samples * pixels; pixel++) {
        const sampleAt = Math.floor(pixel / pixels) * channels;
        for (let c = 0; c < channels; c++, at++) output[sampleAt + c] += input[at] / pixels;
      }
    },
    backward(samples) {
      const gradient = room.floats(to.gradientAt, samples * channels);
      const inputGradient = room.floats(from.gradientAt, samples * pixels * channels);
      for (let pixel = 0, at = 0; pixel < samples * pixels; pixel++) {
        const sampleAt = Math.floor(pixel / pixels) * channels;
        for (let c = 0; c < channels; c++, at++) inputGradient[at] += gradient[sampleAt + c] / pixels;
      }
    },
  }));
}

function elementwise(
  draft: NetworkDraft,
  from: Value,
  pass: {
    readonly forward: (input: Float32Array, output: Float32Array) => void;
    readonly backward: (input: Float32Array, gradient: Float32Array, inputGradient: Float32Array) => void;
  },
): Value {
  const size = sizeOf(from.shape);
  return draft.step(from.shape, (to) => (room): Step => {
    const floats = (at: number, samples: number) => room.floats(at, samples * size);
    return {
      forward: (samples) => pass.forward(floats(from.at, samples), floats(to.at, samples)),
      backward: (samples) =>
        pass.backward(
          floats(from.at, samples),
          floats(to.gradientAt, samples),
          floats(from.gradientAt, samples),
        ),
    };
  });
}

interface Product {
  readonly left: number;
  readonly isLeftTurned?: boolean;
  readonly right: number;
  readonly isRightTurned?: boolean;
  readonly out: number;
  readonly bias?: number;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
}

/** out = left · right + bias, by addresses. */
function productIn({ kernels, panelsAt }: Room) {
  return (product: Product): void => {
    const { left, right, out, bias = 0, rows, columns, depth } = product;
    const turns = [Number(product.isLeftTurned ?? false), Number(product.isRightTurned ?? false)] as const;
    kernels.matmul(
      left,
      right,
      bias,
      out,
      panelsAt,
      rows,
      columns,
      depth,
      turns[0],
      turns[1],
      ACTIVATIONS.linear,
    );
  };
}

/** sums ← column sums. */
function sumRows(rows: Float32Array, sums: Float32Array): void {
  const totals = new Float64Array(sums.length);
  for (let at = 0; at < rows.length; at += totals.length)
    for (let unit = 0; unit < totals.length; unit++) totals[unit] += rows[at + unit];
  sums.set(totals);
}

function addTo(target: Float32Array, source: Float32Array): void {
  for (let i = 0; i < target.length; i++) target[i] += source[i];
}
