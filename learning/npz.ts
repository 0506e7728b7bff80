// NumPy's NPZ: a ZIP archive of NPY arrays. Pickled objects are refused; they could not be read without Python.
import type { DataExpectation, Dataset } from './dataset.ts';
import { DataError } from './errors.ts';
import { datasetFromArrays } from './labelled-arrays.ts';
import { decodeNumbers, NUMBER_BYTES, type NumberArray, type NumberType } from './number-decoding.ts';
import { readZip, type ZipEntry } from './zip.ts';

export interface NpzOptions {
  readonly fileName: string;
  readonly expected?: DataExpectation;
  /** Most bytes that one array may unpack to. Default 1 GiB. */
  readonly arrayBytesMax?: number;
}

const ARRAY_BYTES_MAX = 2 ** 30;
const TRAIN_NAMES = [
  ['x_train', 'y_train'],
  ['x', 'y'],
  ['images', 'labels'],
  ['features', 'labels'],
] as const;
const TEST_NAMES = [
  ['x_test', 'y_test'],
  ['test_images', 'test_labels'],
] as const;

/**
 * Bytes of an NPZ file to its training set and, where it has `x_test` and `y_test`, its test set. Throws a
 * DataError; memory is bounded by the sizes in the archive's directory, which are checked while unpacking.
 */
export function parseNpz(
  bytes: Uint8Array,
  options: NpzOptions,
): { readonly train: Dataset; readonly test: Dataset | undefined } {
  const entries = new Map(readZip(bytes, options.fileName).map((entry) => [stem(entry.name), entry]));
  const train = readPair(entries, TRAIN_NAMES, options);
  if (train === undefined) {
    const found = [...entries.keys()].slice(0, 8).join(', ') || 'none';
    const text = `it needs arrays x and y, x_train and y_train, images or features and labels; it has ${found}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: options.fileName });
  }
  return { train, test: readPair(entries, TEST_NAMES, options) };
}

function stem(name: string): string {
  return name.endsWith('.npy') ? name.slice(0, -4) : name;
}

function readPair(
  entries: ReadonlyMap<string, ZipEntry>,
  names: readonly (readonly [string, string])[],
  options: NpzOptions,
): Dataset | undefined {
  for (const [inputsName, labelsName] of names) {
    const inputs = entries.get(inputsName);
    const labels = entries.get(labelsName);
    if (inputs === undefined || labels === undefined) continue;
    const bytesMax = options.arrayBytesMax ?? ARRAY_BYTES_MAX;
    const file = (name: string) => `${options.fileName} (${name})`;
    return datasetFromArrays(
      {
        inputs: parseNpy(inputs.read(bytesMax), file(inputsName)),
        labels: parseNpy(labels.read(bytesMax), file(labelsName)),
      },
      { inputsName: file(inputsName), labelsName: file(labelsName) },
      options.expected ?? {},
    );
  }
  return undefined;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const TYPES: Readonly<Record<string, NumberType | undefined>> = {
  u1: 'u8',
  b1: 'u8',
  i1: 'i8',
  u2: 'u16',
  i2: 'i16',
  u4: 'u32',
  i4: 'i32',
  u8: 'u64',
  i8: 'i64',
  f4: 'f32',
  f8: 'f64',
};

/** One NPY array, versions 1 and 2, row-major numbers. Throws a DataError. */
export function parseNpy(bytes: Uint8Array, file: string): NumberArray {
  const fail = (text: string) => new DataError('MELDMESH_DATA_FORMAT', text, { file });
  if (bytes.length < 12 || MAGIC.some((byte, i) => bytes[i] !== byte)) throw fail('this is no NPY array');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  if (version !== 1 && version !== 2)
    throw fail(`NPY version ${version} is not known, save as version 1 or 2`);
  const headerAt = version === 1 ? 10 : 12;
  const bodyAt = headerAt + (version === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  if (bodyAt > bytes.length) throw fail('the NPY header is cut short');
  // The header is a Python dictionary; these three keys are all that the format allows.
  const header = new TextDecoder('latin1').decode(
    bytes.subarray(headerAt, Math.min(bodyAt, headerAt + 4096)),
  );
  const type = /'descr':\s*'([<>|=])([a-z]\d{1,2})'/.exec(header);
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  const numberType = type === null ? undefined : TYPES[type[2]];
  if (type === null || shapeText === undefined || numberType === undefined) {
    throw fail('the NPY header names no shape or no number type that is known');
  }
  if (/'fortran_order':\s*True/.test(header)) throw fail('the array is column-major, save it in order "C"');
  const shape = shapeText.split(',').flatMap((part) => (part.trim() === '' ? [] : [Number(part)]));
  const bodyBytes = shape.reduce((size, length) => size * length, NUMBER_BYTES[numberType]);
  if (bytes.length - bodyAt !== bodyBytes) {
    const text = `shape [${shape.join(', ')}] needs ${bodyBytes} bytes, there are ${bytes.length - bodyAt}`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file });
  }
  return { shape, values: decodeNumbers(bytes.subarray(bodyAt), numberType, type[1] !== '>') };
}
