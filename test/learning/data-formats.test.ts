import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  checkDataset,
  DataError,
  type DataErrorCode,
  parseCsv,
  parseIdx,
  parseNpz,
  subset,
} from '../../learning/index.ts';
import { blobs, floatBytes, idxFile, npyFile, zipFile } from './samples.ts';

function failsWith(code: DataErrorCode, message: RegExp, run: () => unknown): void {
  assert.throws(run, (error: unknown) => {
    assert(error instanceof DataError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

const names = { imagesName: 'images.idx', labelsName: 'labels.idx' };
const images = idxFile(8, [3, 2, 2], Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255]));

describe('an IDX pair', () => {
  it('gives flat byte inputs, labels and the scale of bytes', () => {
    const data = parseIdx(images, idxFile(8, [3], Uint8Array.from([1, 0, 2])), names);
    assert.deepEqual([data.count, data.inputSize, data.classes, data.scale], [3, 4, 3, 255]);
    assert.deepEqual([...data.inputs.slice(8)], [8, 9, 10, 255]);
    assert.deepEqual([...data.labels], [1, 0, 2]);
  });

  it('names file and row of a label that is no class of the mesh', () => {
    const labels = idxFile(8, [3], Uint8Array.from([1, 9, 2]));
    failsWith('MELDMESH_DATA_LABEL', /^labels\.idx, row 2, column label: label 9 .* 0 to 2$/, () =>
      parseIdx(images, labels, { ...names, expected: { classes: 3 } }),
    );
  });

  it('names file, row and column of a value that is not finite', () => {
    const values = new Uint8Array(16);
    new DataView(values.buffer).setFloat32(12, Number.NaN);
    const labels = idxFile(8, [2], Uint8Array.from([0, 1]));
    failsWith('MELDMESH_DATA_NOT_FINITE', /^images\.idx, row 2, column 2: NaN/, () =>
      parseIdx(idxFile(13, [2, 2], values), labels, names),
    );
  });

  it('refuses numbers of samples that differ, sizes that lie and files of another kind', () => {
    const two = idxFile(8, [2], Uint8Array.from([1, 0]));
    failsWith('MELDMESH_DATA_SHAPE', /2 labels for 3 samples/, () => parseIdx(images, two, names));
    const lie = idxFile(8, [0xffffffff, 0xffffffff, 2], new Uint8Array(4));
    failsWith('MELDMESH_DATA_SHAPE', /declares .* the file has 4/, () => parseIdx(lie, two, names));
    failsWith('MELDMESH_DATA_FORMAT', /no IDX file/, () =>
      parseIdx(Uint8Array.from([1, 2, 3, 4]), two, names),
    );
    failsWith('MELDMESH_DATA_FORMAT', /cut short/, () => parseIdx(images.subarray(0, 9), two, names));
  });

  it('refuses samples of another size than the model takes', () => {
    const labels = idxFile(8, [3], new Uint8Array(3));
    failsWith('MELDMESH_DATA_SHAPE', /a sample has 4 values, the model takes 784/, () =>
      parseIdx(images, labels, { ...names, expected: { inputs: 784 } }),
    );
  });
});

describe('a CSV file', () => {
  it('finds the label by its name in the header, wherever it is, and reads quotes, CRLF and blank lines', () => {
    const data = parseCsv('a,"label",b\r\n0.5,1,"2"\r\n\r\n-1e-1,0,4\r\n', { fileName: 'f.csv' });
    assert.deepEqual([...data.inputs], [...Float32Array.from([0.5, 2, -0.1, 4])]);
    assert.deepEqual([...data.labels], [1, 0]);
    assert.equal(data.scale, 1);
  });

  it('takes the first column without a header, and another one by number or name', () => {
    assert.deepEqual([...parseCsv('1,7\n0,8\n', { fileName: 'f.csv' }).labels], [1, 0]);
    assert.deepEqual([...parseCsv('7,1\n8,0\n', { fileName: 'f.csv', labelColumn: 2 }).labels], [1, 0]);
    assert.deepEqual([...parseCsv('x,kind\n8,2', { fileName: 'f.csv', labelColumn: 'kind' }).labels], [2]);
    failsWith('MELDMESH_DATA_SHAPE', /f\.csv, row 1: there is no label column sort .* x, kind/, () =>
      parseCsv('x,kind\n8,2', { fileName: 'f.csv', labelColumn: 'sort' }),
    );
  });

  it('names file, line and column of whatever cannot be used', () => {
    const parse = (text: string) => () => parseCsv(text, { fileName: 'f.csv', expected: { classes: 3 } });
    failsWith(
      'MELDMESH_DATA_NOT_FINITE',
      /^f\.csv, row 3, column b: NaN/,
      parse('label,a,b\n1,2,3\n1,2,NaN\n'),
    );
    failsWith(
      'MELDMESH_DATA_NOT_FINITE',
      /^f\.csv, row 2, column a: an empty cell/,
      parse('label,a,b\n1,,3\n'),
    );
    failsWith('MELDMESH_DATA_NOT_FINITE', /^f\.csv, row 1, column 2: 1e39 is too large/, parse('1,1e39\n'));
    failsWith('MELDMESH_DATA_FORMAT', /^f\.csv, row 2, column 2: "cat"/, parse('1,2\n1,cat\n'));
    failsWith('MELDMESH_DATA_SHAPE', /^f\.csv, row 2: there are 3 cells/, parse('1,2\n1,2,3\n'));
    failsWith(
      'MELDMESH_DATA_LABEL',
      /^f\.csv, row 4, column label: label 3 /,
      parse('label,a\n1,2\n\n3,3\n'),
    );
    failsWith('MELDMESH_DATA_LABEL', /^f\.csv, row 1, column 1: label 0\.5 /, parse('0.5,2\n'));
    failsWith('MELDMESH_DATA_SHAPE', /no sample/, parse('label,a\n'));
    failsWith('MELDMESH_DATA_SHAPE', /no sample/, parse('\n\n'));
    failsWith('MELDMESH_DATA_SHAPE', /separated by commas/, parse('1;2\n'));
  });
});

describe('an NPZ file', () => {
  const x = npyFile('|u1', [2, 3], Uint8Array.from([1, 2, 3, 4, 5, 6]));
  const y = npyFile('<i8', [2], new Uint8Array(BigInt64Array.from([1n, 0n]).buffer));

  it('is read under each pair of names, stored or deflated, with its test set', () => {
    for (const deflate of [true, false]) {
      const archive = zipFile(
        { 'x_train.npy': x, 'y_train.npy': y, 'x_test.npy': x, 'y_test.npy': y },
        { deflate },
      );
      const { train, test } = parseNpz(archive, { fileName: 'd.npz' });
      assert.deepEqual([...train.inputs], [1, 2, 3, 4, 5, 6]);
      assert.deepEqual([...train.labels], [1, 0]);
      assert.equal(test?.count, 2);
    }
    for (const [inputs, labels] of [
      ['x', 'y'],
      ['images', 'labels'],
      ['features', 'labels'],
    ]) {
      const archive = zipFile({ [`${inputs}.npy`]: x, [`${labels}.npy`]: y });
      assert.equal(parseNpz(archive, { fileName: 'd.npz' }).train.count, 2);
    }
  });

  it('names the array, row and column of a value that is not finite and of a label that is no class', () => {
    const bad = npyFile('<f4', [2, 2], floatBytes([1, 2, 3, Number.POSITIVE_INFINITY]));
    failsWith('MELDMESH_DATA_NOT_FINITE', /^d\.npz \(x\), row 2, column 2: Infinity/, () =>
      parseNpz(zipFile({ 'x.npy': bad, 'y.npy': y }), { fileName: 'd.npz' }),
    );
    const negative = npyFile('<i8', [2], new Uint8Array(BigInt64Array.from([1n, -1n]).buffer));
    failsWith('MELDMESH_DATA_LABEL', /^d\.npz \(y\), row 2, column label: label -1/, () =>
      parseNpz(zipFile({ 'x.npy': x, 'y.npy': negative }), { fileName: 'd.npz' }),
    );
  });

  it('refuses shapes that do not fit, order by columns, objects and missing arrays', () => {
    const parse = (files: Record<string, Uint8Array>) => () =>
      parseNpz(zipFile(files), { fileName: 'd.npz' });
    const oneHot = npyFile('|u1', [2, 2], Uint8Array.from([1, 0, 0, 1]));
    failsWith(
      'MELDMESH_DATA_SHAPE',
      /labels need one axis, the shape is \[2, 2\]/,
      parse({ 'x.npy': x, 'y.npy': oneHot }),
    );
    failsWith('MELDMESH_DATA_SHAPE', /it has z$/, parse({ 'z.npy': x }));
    failsWith(
      'MELDMESH_DATA_FORMAT',
      /no number type/,
      parse({ 'x.npy': npyFile('|O', [2, 3], x), 'y.npy': y }),
    );
    const lie = npyFile('|u1', [2 ** 30, 2 ** 30], new Uint8Array(4));
    failsWith('MELDMESH_DATA_SHAPE', /there are 4$/, parse({ 'x.npy': lie, 'y.npy': y }));
    const byColumns = Buffer.from(Buffer.from(x).toString('latin1').replace('False', 'True '), 'latin1');
    failsWith('MELDMESH_DATA_FORMAT', /column-major/, parse({ 'x.npy': byColumns, 'y.npy': y }));
  });

  it('does not unpack more than the directory declares, nor believe what deflate cannot do', () => {
    const zeros = npyFile('|u1', [4_000_000, 1], new Uint8Array(4_000_000));
    const small = zipFile({ 'x.npy': zeros, 'y.npy': y }, { deflate: true, lie: 1_000 });
    failsWith('MELDMESH_DATA_FORMAT', /does not unpack to 1000 bytes/, () =>
      parseNpz(small, { fileName: 'd.npz' }),
    );
    const huge = zipFile({ 'x.npy': x, 'y.npy': y }, { deflate: true, lie: 900_000_000 });
    failsWith('MELDMESH_DATA_FORMAT', /900000000 bytes/, () => parseNpz(huge, { fileName: 'd.npz' }));
    const limited = zipFile({ 'x.npy': zeros, 'y.npy': y });
    failsWith('MELDMESH_DATA_TOO_LARGE', /at most 1000 are read/, () =>
      parseNpz(limited, { fileName: 'd.npz', arrayBytesMax: 1_000 }),
    );
  });
});

describe('hostile bytes', () => {
  const y = npyFile('|u1', [2], Uint8Array.from([1, 0]));
  const archive = zipFile(
    { 'x.npy': npyFile('<f4', [2, 1], floatBytes([1, 2])), 'y.npy': y },
    { deflate: false },
  );
  const labels = idxFile(8, [3], Uint8Array.from([1, 0, 2]));
  const damage = fc.record({
    at: fc.nat(),
    value: fc.nat(255),
    cut: fc.option(fc.nat(), { nil: undefined }),
  });

  function damaged(
    bytes: Uint8Array,
    { at, value, cut }: { at: number; value: number; cut: number | undefined },
  ) {
    const copy = bytes.slice(0, cut === undefined ? bytes.length : cut % bytes.length);
    if (copy.length > 0) copy[at % copy.length] = value;
    return copy;
  }

  function givesDataOrDataError(parse: () => unknown): void {
    try {
      parse();
    } catch (error) {
      assert(error instanceof DataError, `${error}`);
    }
  }

  it('give a data set or a DataError, nothing else', () => {
    const property = fc.property(damage, (blow) => {
      givesDataOrDataError(() => parseNpz(damaged(archive, blow), { fileName: 'd.npz' }));
      givesDataOrDataError(() => parseIdx(damaged(images, blow), labels, names));
      givesDataOrDataError(() => parseIdx(images, damaged(labels, blow), names));
    });
    fc.assert(property, { seed: 7, numRuns: 3_000 });
  });

  it('of text give a data set or a DataError, nothing else', () => {
    const cells = fc.constantFrom('1', '0', ',', '\n', '"', 'a', '.', '-', 'e9', ' ', '\r', 'NaN');
    const property = fc.property(fc.array(cells, { maxLength: 40 }), (parts) =>
      givesDataOrDataError(() => parseCsv(parts.join(''), { fileName: 'f.csv' })),
    );
    fc.assert(property, { seed: 7, numRuns: 3_000 });
  });
});

describe('a subset', () => {
  it('copies the chosen samples in the order asked for', () => {
    const all = blobs({ count: 10, inputSize: 3, classes: 2, seed: 'a' });
    const some = subset(all, [7, 2]);
    assert.deepEqual([...some.inputs], [...all.inputs.slice(21, 24), ...all.inputs.slice(6, 9)]);
    assert.deepEqual([...some.labels], [all.labels[7], all.labels[2]]);
    assert.throws(() => subset(all, [10]));
  });

  it('is refused by a mesh with other shapes', () => {
    const all = blobs({ count: 10, inputSize: 3, classes: 2, seed: 'a' });
    failsWith('MELDMESH_DATA_SHAPE', /3 values, the model takes 4/, () =>
      checkDataset(all, { inputs: 4, classes: 2 }),
    );
    failsWith('MELDMESH_DATA_LABEL', /row \d+, column label/, () =>
      checkDataset(all, { inputs: 3, classes: 1 }),
    );
  });
});
