// Which samples make a batch, and their values as scaled float32. It knows no tensors.
import type { Random } from '../fusion/index.ts';
import type { Dataset } from './dataset.ts';

/** A fresh random order of 0 … count − 1 (Fisher and Yates). */
export function drawOrder(count: number, random: Random): Uint32Array {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = order[i];
    order[i] = order[j];
    order[j] = held;
  }
  return order;
}

/** Copies chosen samples, divided by the scale, into one array that is used again by the next call. */
export interface BatchReader {
  /** Values of these samples, [indices.length, inputSize]; valid until the next call. */
  inputs(indices: ArrayLike<number>): Float32Array;
  labels(indices: ArrayLike<number>): Uint32Array;
}

export function createBatchReader(dataset: Dataset, scale: number): BatchReader {
  const { inputs: raw, inputSize, labels: rawLabels } = dataset;
  let room = new Float32Array(0);
  // All 256 quotients once: a division less for each value, and the same bits.
  const scaled =
    raw instanceof Uint8Array ? Float32Array.from({ length: 256 }, (_, byte) => byte / scale) : undefined;
  return {
    inputs(indices) {
      const size = indices.length * inputSize;
      if (room.length < size) room = new Float32Array(size);
      let to = 0;
      for (let i = 0; i < indices.length; i++) {
        const start = indices[i] * inputSize;
        const end = start + inputSize;
        if (scaled !== undefined) for (let from = start; from < end; from++) room[to++] = scaled[raw[from]];
        else for (let from = start; from < end; from++) room[to++] = raw[from] / scale;
      }
      return room.subarray(0, size);
    },
    labels(indices) {
      return Uint32Array.from(indices, (index) => rawLabels[index]);
    },
  };
}
