// Labelled samples as flat arrays. It knows neither files nor tensors; parsers make these, the trainer reads them.
import assert from 'node:assert/strict';
import { DataError } from './errors.ts';

export interface Dataset {
  readonly name: string;
  /** Raw values, row-major, `count` × `inputSize`. */
  readonly inputs: Uint8Array | Float32Array;
  /** Class of each sample, 0 … classes − 1. */
  readonly labels: Uint8Array | Int32Array;
  readonly count: number;
  readonly inputSize: number;
  readonly classes: number;
  /** What raw values are divided by: 255 for images of bytes, else 1. A mesh's manifest has the last word. */
  readonly scale: number;
}

/** What a mesh expects of its members' data; anything absent is taken from the file. */
export interface DataExpectation {
  readonly inputs?: number;
  readonly classes?: number;
}

/** More classes than this are taken for a mistaken label column. Also the manifest's limit. */
export const CLASSES_MAX = 100_000;

/** The samples at these indices, in this order, copied. An index out of range is our mistake and asserts. */
export function subset(dataset: Dataset, indices: ArrayLike<number>): Dataset {
  const { inputs, labels, inputSize } = dataset;
  const count = indices.length;
  const chosenInputs =
    inputs instanceof Uint8Array ? new Uint8Array(count * inputSize) : new Float32Array(count * inputSize);
  const chosenLabels = labels instanceof Uint8Array ? new Uint8Array(count) : new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const index = indices[i];
    assert(Number.isInteger(index) && index >= 0 && index < dataset.count, `no sample ${index}`);
    chosenInputs.set(inputs.subarray(index * inputSize, (index + 1) * inputSize), i * inputSize);
    chosenLabels[i] = labels[index];
  }
  return { ...dataset, inputs: chosenInputs, labels: chosenLabels, count };
}

/** The first `count` samples, or all where there are fewer. Shares memory with the original. */
export function firstSamples(dataset: Dataset, count: number): Dataset {
  assert(Number.isInteger(count) && count >= 0);
  const kept = Math.min(count, dataset.count);
  return {
    ...dataset,
    inputs: dataset.inputs.subarray(0, kept * dataset.inputSize),
    labels: dataset.labels.subarray(0, kept),
    count: kept,
  };
}

/**
 * Checks labels and finishes a dataset. `classes` is the mesh's number of classes or, where it is not known,
 * one more than the largest label. Throws a DataError for a label that is no class and for a wrong sample size.
 */
export function makeDataset(
  parts: Omit<Dataset, 'labels' | 'classes' | 'count'> & { readonly labels: ArrayLike<number> },
  expected: DataExpectation,
  place: { readonly labelsFile: string; readonly firstRow: number; readonly labelColumn?: string | number },
): Dataset {
  const { labels: rawLabels, inputSize, inputs } = parts;
  const count = rawLabels.length;
  assert(inputs.length === count * inputSize, 'inputs and labels differ in number');
  const file = place.labelsFile;
  if (count === 0) throw new DataError('MELDMESH_DATA_SHAPE', 'there is no sample in it', { file });
  if (expected.inputs !== undefined && expected.inputs !== inputSize) {
    const text = `a sample has ${inputSize} values, the model takes ${expected.inputs}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: parts.name });
  }
  const limit = expected.classes ?? CLASSES_MAX;
  const labels = new Int32Array(count);
  let largest = 0;
  for (let i = 0; i < count; i++) {
    const label = rawLabels[i];
    if (!Number.isInteger(label) || label < 0 || label >= limit) {
      const text = `label ${label} is not a whole number from 0 to ${limit - 1}`;
      const row = i + place.firstRow;
      throw new DataError('MELDMESH_DATA_LABEL', text, { file, row, column: place.labelColumn });
    }
    labels[i] = label;
    if (label > largest) largest = label;
  }
  const classes = expected.classes ?? largest + 1;
  return {
    name: parts.name,
    inputs,
    labels: classes <= 256 ? Uint8Array.from(labels) : labels,
    count,
    inputSize,
    classes,
    scale: parts.scale,
  };
}

/** Throws a DataError when this dataset cannot train a model of these sizes. */
export function checkDataset(
  dataset: Dataset,
  expected: { readonly inputs: number; readonly classes: number },
): void {
  const file = dataset.name;
  if (dataset.inputSize !== expected.inputs) {
    const text = `a sample has ${dataset.inputSize} values, the model takes ${expected.inputs}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file });
  }
  const row = dataset.labels.findIndex((label) => label < 0 || label >= expected.classes);
  if (row >= 0) {
    const text = `label ${dataset.labels[row]} is not a whole number from 0 to ${expected.classes - 1}`;
    throw new DataError('MELDMESH_DATA_LABEL', text, { file, row: row + 1, column: 'label' });
  }
}
