// `meldmesh align` as a process, on planted permutations: what comes out must be the checkpoint that went in before it was
// shuffled, bit by bit.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCheckpoint } from '../../cli/align/checkpoint.ts';
import { cliEntry } from '../../cli/mesh/spawn.ts';
import { encodeModelFile } from '../../cli/model-file.ts';
import {
  createRandom,
  encodeSafetensors,
  inferSpec,
  initialWeights,
  layoutOf,
  type NamedTensor,
  permutationSpecOf,
  permuteModel,
  randomPermutations,
  writeSpecFile,
} from '../../fusion/index.ts';
import { parseManifestConfig } from '../../protocols/index.ts';
import { lastLine, runProgram } from './sim-command.ts';

const random = createRandom('align');

/** A stack as PyTorch names it, in half floats, with a counter beside the batch norm. */
function stack(seed: string): readonly NamedTensor[] {
  const draw = createRandom(seed);
  const tensor = (name: string, ...shape: readonly number[]): NamedTensor => {
    const length = shape.reduce((a, b) => a * b, 1);
    // Multiples of 1/256 up to 4 are half floats as they are.
    const data = Float32Array.from({ length }, () => (draw.below(1_024) - 512) / 256);
    return { name, shape, data, type: 'F16' };
  };
  return [
    tensor('fc1.weight', 12, 6),
    tensor('fc1.bias', 12),
    tensor('fc2.weight', 9, 12),
    tensor('fc2.bias', 9),
    tensor('fc3.weight', 4, 9),
    tensor('fc3.bias', 4),
  ];
}

describe('meldmesh align', function () {
  this.timeout(60_000);
  let folder = '';
  const at = (name: string) => join(folder, name);
  const run = (...words: string[]) => runProgram([cliEntry(), 'align', ...words], { cwd: folder });
  const write = (name: string, tensors: readonly NamedTensor[]) =>
    writeFileSync(at(name), encodeSafetensors(tensors, { by: 'them' }));

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-align-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  /** `a` and the same with its units shuffled. */
  function plantMesh(): Float32Array {
    const { manifest } = parseManifestConfig({ model: 'mlp:16,12', data: { inputs: 5, classes: 3 } });
    assert.ok(manifest !== undefined);
    const spec = permutationSpecOf(manifest.model);
    const layout = layoutOf(manifest.model);
    const weights = initialWeights(manifest.model, 'planted').map((value) => value + 0.1 * random.float());
    const permutations = randomPermutations(spec, random.fork('mesh'));
    const shuffled = permuteModel({ weights, layout, spec, permutations });
    const about = { manifest, generation: 3, digest: 'd', meshId: 'm' };
    writeFileSync(at('a.safetensors'), encodeModelFile({ ...about, weights }));
    const momentum = shuffled.map((value) => 2 * value);
    writeFileSync(at('b.safetensors'), encodeModelFile({ ...about, weights: shuffled, momentum }));
    return weights;
  }

  it('finds the order of a model of a mesh again, its momentum with it, and proves the function', async () => {
    const weights = plantMesh();
    const { status, stdout, stderr } = await run('a.safetensors', 'b.safetensors', '-o', 'b2.safetensors');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^dense layers: 2 permutations, matched by weights in \d+ sweeps/);
    assert.match(stdout, /^distance +\d+\.\d\d +0\.00$/m);
    assert.match(stdout, /^Outputs are the same to .* on drawn inputs$/m);
    const aligned = readCheckpoint(at('b2.safetensors'));
    assert.deepEqual(aligned.weights, weights);
    assert.deepEqual(
      aligned.momentum,
      weights.map((value) => 2 * value),
    );
    assert.equal(aligned.file.metadata['meldmesh.generation'], '3');
  });

  it('finds that of a stack from elsewhere, and leaves types, names, order and other tensors as they were', async () => {
    const tensors = stack('torch');
    write('torch-a.safetensors', tensors);
    const first = readCheckpoint(at('torch-a.safetensors'));
    const { spec } = inferSpec(first.layout, { layout: 'torch' });
    const permutations = randomPermutations(spec, random.fork('torch'));
    const shuffled = permuteModel({ weights: first.weights, layout: first.layout, spec, permutations });
    const moved = tensors.map((tensor, i) => {
      const { offset, size } = first.layout.tensors[i];
      return { ...tensor, data: shuffled.subarray(offset, offset + size) };
    });
    const counter = { name: 'seen', shape: [], type: 'I64', bytes: Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0) };
    // Another order of tensors than in the first file.
    const bytes = encodeSafetensors([...moved.toReversed(), counter], { by: 'others' });
    writeFileSync(at('torch-b.safetensors'), bytes);
    const words = ['torch-a.safetensors', 'torch-b.safetensors', '-o', 'torch-b2.safetensors', '--json'];
    const { status, stdout, stderr } = await run(...words);
    assert.equal(status, 0, stderr);
    const found = JSON.parse(lastLine(stdout));
    assert.equal(found.distance.after, 0);
    assert.equal(found.outputsDiffer, undefined);
    const { file } = readCheckpoint(at('torch-b2.safetensors'));
    assert.deepEqual(file.tensors, tensors.toReversed());
    assert.deepEqual(file.opaque, [counter]);
    assert.deepEqual(file.metadata, { by: 'others', 'meldmesh.aligned': 'weights' });
  });

  it('finds it by soft permutations too', async () => {
    const pair = ['torch-a.safetensors', 'torch-b.safetensors', '-o', 'soft.safetensors'];
    const { status, stderr } = await run(...pair, '--method', 'sinkhorn');
    assert.equal(status, 0, stderr);
    const { weights } = readCheckpoint(at('soft.safetensors'));
    assert.deepEqual(weights, readCheckpoint(at('torch-b2.safetensors')).weights);
  });

  it('takes a permutation spec as a file', async () => {
    const { layout } = readCheckpoint(at('torch-a.safetensors'));
    writeFileSync(at('spec.json'), writeSpecFile(inferSpec(layout, { layout: 'torch' }).spec));
    const pair = ['torch-a.safetensors', 'torch-b.safetensors', '-o', 'by-spec.safetensors'];
    const { status, stderr } = await run(...pair, '--spec', 'spec.json');
    assert.equal(status, 0, stderr);
    assert.deepEqual(readFileSync(at('by-spec.safetensors')), readFileSync(at('torch-b2.safetensors')));
  });

  it('says what is wrong and what to do, and writes nothing then', async () => {
    write('other.safetensors', stack('torch').slice(0, 4));
    const refuses = async (what: RegExp, ...words: string[]): Promise<void> => {
      const { status, stderr } = await run(...words, '-o', 'none.safetensors');
      assert.notEqual(status, 0);
      assert.match(stderr, what);
      assert(!existsSync(at('none.safetensors')));
    };
    await refuses(
      /MODEL_FILE: other.safetensors .* no tensor fc3/,
      'torch-a.safetensors',
      'other.safetensors',
    );
    await refuses(/MODEL_FILE: missing/, 'missing.safetensors', 'torch-a.safetensors');
    const pair = ['torch-a.safetensors', 'torch-b.safetensors'];
    await refuses(/USAGE: --method activations has to run the models/, ...pair, '--method', 'activations');
    const mesh = ['a.safetensors', 'b.safetensors'];
    await refuses(/USAGE: --method ste needs --data/, ...mesh, '--method', 'ste');
    await refuses(/USAGE: There is no permutation spec/, ...pair, '--spec', 'nowhere.json');
    const { status, stderr } = await run(...pair, '-o', 'torch-b2.safetensors');
    assert.notEqual(status, 0);
    assert.match(stderr, /MELDMESH_FILE_EXISTS.*\n.*--force/);
  });
});
