// The files between a node and its trainer.
import assert from 'node:assert/strict';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initialWeights, layoutOf, parseModelName } from '../../fusion/index.ts';
import { shareDataset } from '../../learning/index.ts';
import { ExchangeFolder } from '../../node/trainer/exchange-folder.ts';
import { sampleFilePieces } from '../../node/trainer/sample-file.ts';
import { blobs } from '../learning/samples.ts';

const model = parseModelName('mlp:5', { inputs: 6, classes: 3 }) ?? assert.fail();
const layout = layoutOf(model);
const weights = initialWeights(model, 'mesh');
const data = blobs({ count: 7, inputSize: 6, classes: 3, seed: 'own' });

describe('the folder of a trainer', () => {
  let path: string;
  let folder: ExchangeFolder;

  beforeEach(() => {
    path = join(mkdtempSync(join(tmpdir(), 'meldmesh-exchange-')), 'trainer');
    folder = new ExchangeFolder(path, layout);
    folder.open();
  });
  afterEach(() => rmSync(join(path, '..'), { recursive: true, force: true }));

  it('gives back the weights that were written into it', () => {
    const name = folder.nameOf('weights-1');
    assert.match(name, /^weights-1-[0-9a-f]{8}\.safetensors$/);
    folder.writeWeights(name, weights);
    assert.deepEqual(folder.readWeights(name), weights);
  });

  it('is emptied at every start, which has names of its own', () => {
    const before = folder.nameOf('weights-1');
    folder.writeWeights(before, weights);
    mkdirSync(join(path, 'cache'));
    folder.open();
    assert.deepEqual(readdirSync(path), []);
    assert.notEqual(folder.nameOf('weights-1'), before);
    folder.clear();
    assert.deepEqual(readdirSync(join(path, '..')), []);
  });

  it('reads plain files only', () => {
    writeFileSync(join(path, 'elsewhere'), '');
    symlinkSync(join(path, 'elsewhere'), join(path, 'link'));
    for (const name of ['link', 'missing', '.']) {
      assert.throws(() => folder.readWeights(name), { code: 'MELDMESH_TRAINER_RESULT' }, name);
    }
  });

  it('says when it cannot be written, and leaves no half of a file', () => {
    rmSync(path, { recursive: true });
    assert.throws(() => folder.writeWeights('w', weights), {
      code: 'MELDMESH_TRAINER_DISK',
      message: /ENOENT/,
    });
    writeFileSync(path, 'in the way');
    assert.throws(() => folder.open(), { code: 'MELDMESH_TRAINER_DISK' });
  });

  it('hands over samples as they are, bytes or floats, from shared memory too', () => {
    const floats = { ...data, inputs: Float32Array.from(data.inputs, (value) => value / 3) };
    for (const samples of [data, floats, shareDataset(data), shareDataset(floats)]) {
      folder.writeSamples('samples', samples);
      const bytes = readFileSync(join(path, 'samples'));
      assert.deepEqual(bytes, Buffer.concat(sampleFilePieces(samples)));
      const dataAt = 8 + Number(bytes.readBigUInt64LE(0));
      const { inputs, labels } = JSON.parse(bytes.toString('utf8', 8, dataAt));
      assert.deepEqual([labels.dtype, labels.shape, inputs.shape], ['I32', [7], [7, 6]]);
      const at = (index: number): number => dataAt + inputs.data_offsets[0] + index;
      assert.equal(bytes.length, dataAt + inputs.data_offsets[1]);
      assert.deepEqual(
        Array.from(data.labels, (_, i) => bytes.readInt32LE(dataAt + labels.data_offsets[0] + 4 * i)),
        [...data.labels],
      );
      const isBytes = samples.inputs instanceof Uint8Array;
      assert.equal(inputs.dtype, isBytes ? 'U8' : 'F32');
      assert.equal(at(0) % 4, 0, 'floats are aligned');
      const values = Array.from(samples.inputs, (_, i) =>
        isBytes ? bytes[at(i)] : bytes.readFloatLE(at(4 * i)),
      );
      assert.deepEqual(values, [...samples.inputs]);
    }
  });
});
