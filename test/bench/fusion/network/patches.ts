// The windows of a convolution as rows of a matrix, and gradients of such rows back to the map. It knows no kernel.
import type { MapShape } from './value.ts';

export interface Windows {
  readonly shape: MapShape;
  /** Edge of the square window. */
  readonly window: number;
  readonly stride: number;
  /** Zeros in front of the first row and column. */
  readonly padding: number;
  /** Of the output. */
  readonly height: number;
  readonly width: number;
}

/** As TensorFlow's padding "same": an output for every `stride` pixels, zeros around. */
export function windowsOf(shape: MapShape, { window, stride }: { window: number; stride: number }): Windows {
  const height = Math.ceil(shape.height / stride);
  const width = Math.ceil(shape.width / stride);
  const missing = Math.max(0, (height - 1) * stride + window - shape.height);
  return { shape, window, stride, padding: Math.floor(missing / 2), height, width };
}

export interface PatchPass {
  /** [samples, height, width, channels]. */
  readonly map: Float32Array;
  /** [samples · output height · output width, window · window · channels]. */
  readonly patches: Float32Array;
  readonly samples: number;
}

/** Runs of one sample, and how many numbers one of them, a map and its patches are. */
function passOf(windows: Windows) {
  const { height, width, channels } = windows.shape;
  const runs = runsOf(windows);
  const runLength = windows.window * channels;
  return { runs, runLength, mapSize: height * width * channels, patchSize: runs.length * runLength };
}

/** patches ← windows of the map. */
export function gatherPatches(windows: Windows, { map, patches, samples }: PatchPass): void {
  const { runs, runLength, mapSize, patchSize } = passOf(windows);
  for (let sample = 0; sample < samples; sample++) {
    let patchAt = sample * patchSize;
    for (let i = 0; i < runs.length; i++, patchAt += runLength) {
      const mapAt = sample * mapSize + runs.starts[i];
      const [from, to] = [runs.froms[i], runs.ends[i]];
      for (let k = 0; k < from; k++) patches[patchAt + k] = 0;
      for (let k = from; k < to; k++) patches[patchAt + k] = map[mapAt + k];
      for (let k = to; k < runLength; k++) patches[patchAt + k] = 0;
    }
  }
}

/** map += what lies over each of its pixels in the patches. */
export function scatterPatches(windows: Windows, { map, patches, samples }: PatchPass): void {
  const { runs, runLength, mapSize, patchSize } = passOf(windows);
  for (let sample = 0; sample < samples; sample++) {
    let patchAt = sample * patchSize;
    for (let i = 0; i < runs.length; i++, patchAt += runLength) {
      const mapAt = sample * mapSize + runs.starts[i];
      const to = runs.ends[i];
      for (let k = runs.froms[i]; k < to; k++) map[mapAt + k] += patches[patchAt + k];
    }
  }
}

/** Rows of windows, one behind the other: value k of a run stands at start + k of a sample's map, from ≤ k < end. */
interface Runs {
  readonly length: number;
  readonly starts: Int32Array;
  readonly froms: Int32Array;
  /** As `froms` where the whole row lies in the padding. */
  readonly ends: Int32Array;
}

function runsOf({ shape, window, stride, padding, height, width }: Windows): Runs {
  const { channels } = shape;
  const length = height * width * window;
  const [starts, froms, ends] = [new Int32Array(length), new Int32Array(length), new Int32Array(length)];
  for (let i = 0; i < length; i++) {
    const [x, y] = [Math.floor(i / window) % width, Math.floor(i / window / width)];
    const left = x * stride - padding;
    const row = y * stride - padding + (i % window);
    starts[i] = (row * shape.width + left) * channels;
    if (row < 0 || row >= shape.height) continue;
    froms[i] = Math.max(0, -left) * channels;
    ends[i] = Math.min(window, shape.width - left) * channels;
  }
  return { length, starts, froms, ends };
}
