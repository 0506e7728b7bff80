// The IDX format of MNIST: a magic word with type and number of axes, the axes' lengths, the numbers, big-endian.
import type { DataExpectation, Dataset } from './dataset.ts';
import { DataError } from './errors.ts';
import { datasetFromArrays } from './labelled-arrays.ts';
import { decodeNumbers, NUMBER_BYTES, type NumberArray, type NumberType } from './number-decoding.ts';

const TYPES: Readonly<Record<number, NumberType | undefined>> = {
  8: 'u8',
  9: 'i8',
  11: 'i16',
  12: 'i32',
  13: 'f32',
  14: 'f64',
};
const AXES_MAX = 8;

export interface IdxNames {
  readonly imagesName: string;
  readonly labelsName: string;
}

/** Bytes of the two files of a pair to a dataset. Throws a DataError; allocates no more than the files' size × 8. */
export function parseIdx(
  images: Uint8Array,
  labels: Uint8Array,
  names: IdxNames & { readonly expected?: DataExpectation },
): Dataset {
  const { imagesName, labelsName } = names;
  return datasetFromArrays(
    { inputs: parseIdxArray(images, imagesName), labels: parseIdxArray(labels, labelsName) },
    { inputsName: imagesName, labelsName },
    names.expected ?? {},
  );
}

export interface IdxHeader {
  readonly type: NumberType;
  readonly shape: readonly number[];
  readonly headerBytes: number;
  /** Bytes of the numbers after the header. */
  readonly bodyBytes: number;
}

/** The header alone; `bytes` may be just the beginning of a file. */
export function parseIdxHeader(bytes: Uint8Array, file: string): IdxHeader {
  const type = bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 ? undefined : TYPES[bytes[2]];
  if (type === undefined) {
    throw new DataError('MELDMESH_DATA_FORMAT', 'this is no IDX file, its first bytes are wrong', { file });
  }
  const axes = bytes[3];
  const headerBytes = 4 + 4 * axes;
  if (axes === 0 || axes > AXES_MAX || bytes.length < headerBytes) {
    throw new DataError('MELDMESH_DATA_FORMAT', `the IDX header with ${axes} axes is cut short`, { file });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const bodyBytes = shape.reduce((size, length) => size * length, NUMBER_BYTES[type]);
  return { type, shape, headerBytes, bodyBytes };
}

function parseIdxArray(bytes: Uint8Array, file: string): NumberArray {
  const { type, shape, headerBytes, bodyBytes } = parseIdxHeader(bytes, file);
  if (bytes.length - headerBytes !== bodyBytes) {
    const text = `the header declares ${bodyBytes} bytes of numbers, the file has ${bytes.length - headerBytes}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file });
  }
  return { shape, values: decodeNumbers(bytes.subarray(headerBytes), type, false) };
}
