import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { DataError } from '../../learning/index.ts';
import { loadData, loadMnist } from '../../node/data-files.ts';
import { idxFile, npyFile, zipFile } from '../learning/samples.ts';

const images = idxFile(8, [4, 2, 1], Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7]));
const labels = idxFile(8, [4], Uint8Array.from([0, 1, 2, 1]));

describe('data files', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-data-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  function write(name: string, content: Uint8Array | string): string {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  }

  function fails(path: string, message: RegExp): void {
    assert.throws(
      () => loadData(path),
      (error: unknown) =>
        error instanceof DataError && error.message.startsWith(folder) && message.test(error.message),
    );
  }

  it('of MNIST give as many first digits as asked for', () => {
    const { train, test } = loadMnist({ samples: 5, testSamples: 3 });
    assert.deepEqual(
      [train.count, test.count, train.inputSize, train.classes, train.scale],
      [5, 3, 784, 10, 255],
    );
    assert.deepEqual([...train.labels], [5, 0, 4, 1, 9]);
    assert.deepEqual([...test.labels], [7, 2, 1]);
    const whole = loadMnist();
    assert.deepEqual([whole.train.count, whole.test.count], [60_000, 10_000]);
    assert.deepEqual(whole.train.inputs.slice(0, train.inputs.length), train.inputs);
  });

  it('of an IDX pair are found by the images file, by the folder and by the beginning of the names', () => {
    const path = write('train-images-idx3-ubyte', images);
    write('train-labels-idx1-ubyte', labels);
    for (const name of [path, folder, join(folder, 'train')]) {
      const { train, test } = loadData(name);
      assert.deepEqual([[...train.labels], test], [[0, 1, 2, 1], undefined]);
    }
  });

  it('of an IDX folder give the test set that lies there, packed or not', () => {
    write('train-images-idx3-ubyte.gz', gzipSync(images));
    write('train-labels-idx1-ubyte.gz', gzipSync(labels));
    write('t10k-images.idx3-ubyte', images);
    write('t10k-labels.idx1-ubyte', labels);
    const { train, test } = loadData(folder);
    assert.deepEqual([train.count, test?.count], [4, 4]);
  });

  it('in CSV and NPZ are told by their endings', () => {
    assert.equal(loadData(write('a.csv', 'label,x\n1,2\n0,3\n')).train.count, 2);
    assert.equal(loadData(write('b.csv', 'y,kind\n1,2\n0,3\n'), { labelColumn: 'kind' }).train.classes, 4);
    const x = npyFile('|u1', [2, 1], Uint8Array.from([9, 8]));
    const y = npyFile('|u1', [2], Uint8Array.from([1, 0]));
    assert.equal(loadData(write('c.npz', zipFile({ 'x.npy': x, 'y.npy': y }))).train.scale, 255);
  });

  it('are split so that every so manieth sample is for testing', () => {
    const rows = Array.from({ length: 20 }, (_, row) => `0,${row}`).join('\n');
    const { train, test } = loadData(write('a.csv', rows), { testSplit: 0.2 });
    assert.deepEqual([...(test?.inputs ?? [])], [4, 9, 14, 19]);
    assert.equal(train.count, 16);
  });

  it('that are missing, alone or of no known kind are refused in one sentence', () => {
    fails(join(folder, 'nowhere.csv'), /nowhere\.csv: it cannot be read: ENOENT/);
    fails(join(folder, 'nowhere', 'deep'), /it cannot be read: ENOENT/);
    fails(folder, /there is no data of a known kind; give a \.csv or \.npz file, or IDX files/);
    fails(write('train-images-idx3-ubyte', images), /no labels file lies next to/);
    fails(write('notes.md', 'hello'), /no data of a known kind/);
    mkdirSync(join(folder, 'a.csv'));
    fails(join(folder, 'a.csv'), /it cannot be read: EISDIR/);
    fails(write('b.csv.gz', 'not packed'), /it cannot be read: incorrect header/);
  });
});
