// An array of samples and an array of labels, as IDX and NPZ hold them, to a dataset.
import { type DataExpectation, type Dataset, makeDataset } from './dataset.ts';
import { DataError } from './errors.ts';
import type { NumberArray } from './number-decoding.ts';

/** Scale of images of bytes. */
const BYTE_SCALE = 255;

/**
 * The first axis counts the samples; the others are flattened. Throws a DataError that names `inputsName` or
 * `labelsName` for shapes that do not fit, labels out of range and values that are no finite float32.
 */
export function datasetFromArrays(
  arrays: { readonly inputs: NumberArray; readonly labels: NumberArray },
  names: { readonly inputsName: string; readonly labelsName: string },
  expected: DataExpectation,
): Dataset {
  const { inputs, labels } = arrays;
  const { inputsName, labelsName } = names;
  if (inputs.shape.length < 2) {
    const text = `samples need at least two axes, the shape is [${inputs.shape.join(', ')}]`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: inputsName });
  }
  // A column vector is how some tools write labels.
  const flat = labels.shape.length === 1 || (labels.shape.length === 2 && labels.shape[1] === 1);
  if (!flat) {
    const text = `labels need one axis, the shape is [${labels.shape.join(', ')}]`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: labelsName });
  }
  if (inputs.shape[0] !== labels.shape[0]) {
    const text = `there are ${labels.shape[0]} labels for ${inputs.shape[0]} samples of ${inputsName}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: labelsName });
  }
  const inputSize = inputs.shape.slice(1).reduce((size, length) => size * length, 1);
  if (inputSize === 0) {
    throw new DataError('MELDMESH_DATA_SHAPE', 'a sample has no value', { file: inputsName });
  }
  const bytes = inputs.values instanceof Uint8Array;
  return makeDataset(
    {
      name: inputsName,
      inputs: bytes ? inputs.values : toFloat32(inputs.values, inputSize, inputsName),
      labels: labels.values,
      inputSize,
      scale: bytes ? BYTE_SCALE : 1,
    },
    expected,
    { labelsFile: labelsName, firstRow: 1, labelColumn: 'label' },
  );
}

function toFloat32(values: Float32Array | Float64Array, inputSize: number, file: string): Float32Array {
  const narrow = values instanceof Float32Array ? values : new Float32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    narrow[i] = values[i];
    if (!Number.isFinite(narrow[i])) {
      const place = { file, row: Math.floor(i / inputSize) + 1, column: (i % inputSize) + 1 };
      throw new DataError('MELDMESH_DATA_NOT_FINITE', `${values[i]} is no finite float32 value`, place);
    }
  }
  return narrow;
}
