import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeModelFile, readModelFile } from '../../cli/model-file.ts';
import { predictionLines, withDummyLabels } from '../../cli/model-use.ts';
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
    assert.deepEqual(readModelFile(path), { manifest, weights });
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
    assert.throws(() => readModelFile(write(bare), manifest), { code, message: /1 tensors, .* has 4/ });
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
