import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModelFile, readModelFile } from '../../cli/model-file.ts';
import { predictionLines, withDummyLabels } from '../../cli/model-use.ts';
import { writeTfjsModel } from '../../cli/tfjs-files.ts';
import { encodeSafetensors, layoutOf } from '../../fusion/index.ts';
import { type Manifest, parseManifestConfig } from '../../protocols/index.ts';

function manifestOf(model: string): Manifest {
  const { manifest } = parseManifestConfig({ model, data: { inputs: 4, classes: 3 } });
  assert.ok(manifest !== undefined);
  return manifest;
}

describe('a model file', () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-model-'));
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  const write = (bytes: Uint8Array): string => {
    const path = join(folder, 'model.safetensors');
    writeFileSync(path, bytes);
    return path;
  };

  it('carries weights and manifest there and back', () => {
    const manifest = manifestOf('mlp:5');
    const weights = Float32Array.from({ length: layoutOf(manifest.model).size }, (_, i) => i / 7);
    const path = write(encodeModelFile({ manifest, weights, generation: 20, digest: 'd', meshId: 'm' }));
    const known = { meshId: 'm', generation: 20, samples: undefined, momentum: undefined };
    assert.deepEqual(readModelFile(path), { manifest, weights, ...known });
  });

  it('carries a whole state there and back', () => {
    const manifest = manifestOf('mlp:5');
    const weights = new Float32Array(layoutOf(manifest.model).size).fill(1);
    const momentum = weights.map((_, i) => i);
    const model = { manifest, weights, momentum, generation: 20, samples: 99, digest: 'd', meshId: 'm' };
    const read = readModelFile(write(encodeModelFile(model)));
    assert.deepEqual([read.weights, read.momentum, read.samples], [weights, momentum, 99]);
  });

  it('of another shape, with a tensor too few or too many, or not finite is refused by the tensor’s name', () => {
    const manifest = manifestOf('mlp:5');
    const { tensors } = layoutOf(manifest.model);
    const named = tensors.map(({ name, shape, size }) => ({ name, shape, data: new Float32Array(size) }));
    const refused = (changed: typeof named, message: RegExp): void =>
      assert.throws(() => readModelFile(write(encodeSafetensors(changed)), manifest), {
        code: 'MELDMESH_MODEL_FILE',
        message,
      });
    refused(named.slice(1), /tensor dense_0\/kernel is missing/);
    const [, bias] = named;
    refused([...named, { ...bias, name: 'extra' }], /no tensor "extra"/);
    refused(named.with(1, { ...bias, shape: [1, 5] }), /dense_0\/bias has the shape \[1,5\], not \[5\]/);
    const broken = Float32Array.of(0, Number.NaN, 0, 0, 0);
    refused(named.with(1, { ...bias, data: broken }), /dense_0\/bias holds NaN/);
    const infinite = { ...named[2], data: named[2].data.with(3, Number.POSITIVE_INFINITY) };
    refused(named.with(2, infinite), /dense_1\/kernel holds Infinity/);
  });

  it('from elsewhere may say how many samples it was trained on', () => {
    const manifest = manifestOf('mlp:5');
    const named = layoutOf(manifest.model).tensors.map(({ name, shape, size }) => ({
      name,
      shape,
      data: new Float32Array(size),
    }));
    const samplesOf = (metadata: Record<string, string>) =>
      readModelFile(write(encodeSafetensors(named, metadata)), manifest).samples;
    assert.equal(samplesOf({ samples: '2000' }), 2_000);
    assert.equal(samplesOf({ samples: '2000', 'meldmesh.samples': '70' }), 70);
    assert.equal(samplesOf({ samples: 'many' }), undefined);
  });

  it('may be one of TensorFlow.js, whose weights lie beside it', () => {
    const manifest = manifestOf('mlp:5');
    const weights = Float32Array.from({ length: layoutOf(manifest.model).size }, (_, i) => i / 7);
    const path = join(folder, 'model.json');
    writeTfjsModel(path, manifest.model, weights);
    assert.deepEqual(readModelFile(path, manifest).weights, weights);
    const code = 'MELDMESH_MODEL_FILE';
    assert.throws(() => readModelFile(path), { code, message: /no manifest/ });
    assert.throws(() => readModelFile(path, manifestOf('mlp:6')), {
      code,
      message: /dense_0\/kernel has the shape \[4,5\], not \[4,6\]/,
    });
    writeFileSync(path, readFileSync(path, 'utf8').replace('"weights.bin"', '"../../etc/hostname"'));
    assert.throws(() => readModelFile(path, manifest), { code, message: /hostname/ });
  });

  it('is refused when it is cut short, of another model, or without a manifest', () => {
    const manifest = manifestOf('mlp:5');
    const weights = new Float32Array(layoutOf(manifest.model).size);
    const bytes = encodeModelFile({ manifest, weights, generation: 1, digest: 'd', meshId: 'm' });
    const code = 'MELDMESH_MODEL_FILE';
    assert.throws(() => readModelFile(write(bytes.subarray(0, -1))), { code });
    assert.throws(() => readModelFile(write(bytes), manifestOf('mlp:6')), {
      code,
      message: /shape \[4,5\], not \[4,6\]/,
    });
    const bare = encodeSafetensors([{ name: 'x', shape: [1], data: new Float32Array(1) }]);
    assert.throws(() => readModelFile(write(bare)), { code, message: /no manifest/ });
    assert.throws(() => readModelFile(write(bare), manifest), {
      code,
      message: /dense_0\/kernel is missing/,
    });
    assert.throws(() => readModelFile(join(folder, 'missing')), { code });
  });
});

describe('predictions', () => {
  it('are the likeliest label and its probability, the smaller label on a tie', () => {
    const lines = predictionLines(Float32Array.of(0.1, 0.7, 0.2, 0.4, 0.2, 0.4), 3);
    assert.deepEqual(lines, ['1,0.7000', '0,0.4000']);
  });

  it('take a CSV without labels when it has as many columns as the model takes', () => {
    assert.equal(withDummyLabels('1,2\n3,4\n', 2), '1,2,0\n3,4,0\n');
    assert.equal(withDummyLabels('width,height\r\n3,4', 2), 'width,height,label\n3,4,0');
    assert.equal(withDummyLabels('7,1,2\n', 2), undefined);
  });
});
