// `meldmesh barrier` and `meldmesh connect` as processes, on models so small that they are trained here.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliEntry } from '../../cli/mesh/spawn.ts';
import { encodeModelFile, readModelFile } from '../../cli/model-file.ts';
import { createRandom, encodeSafetensors, initialWeights } from '../../fusion/index.ts';
import { openTrainer } from '../../learning/index.ts';
import { type Manifest, parseManifestConfig } from '../../protocols/index.ts';
import { blobs } from '../learning/samples.ts';
import { lastLine, runProgram } from './sim-command.ts';

const DATA = blobs({ count: 150, inputSize: 4, classes: 3, seed: 'connect' });

function manifestOf(model: string): Manifest {
  const { manifest } = parseManifestConfig({ model, data: { inputs: 4, classes: 3, scale: 255 } });
  assert.ok(manifest !== undefined);
  return manifest;
}

describe('meldmesh barrier and connect', function () {
  this.timeout(60_000);
  let folder = '';
  const at = (name: string) => join(folder, name);
  const run = (...words: string[]) => runProgram([cliEntry(), ...words], { cwd: folder });

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-connect-'));
    const rows = Array.from({ length: DATA.count }, (_, i) =>
      [...DATA.inputs.subarray(4 * i, 4 * i + 4), DATA.labels[i]].join(','),
    );
    writeFileSync(at('data.csv'), `a,b,c,d,label\n${rows.join('\n')}\n`);
    for (const [name, model] of [
      ['a', 'mlp:8'],
      ['b', 'mlp:8'],
      ['wide', 'mlp:9'],
    ]) {
      const manifest = manifestOf(model);
      const trainer = await openTrainer({ spec: manifest.model, scale: 255, threads: 1, backend: 'wasm' });
      const start = initialWeights(manifest.model, name);
      const settings = { learningRate: 0.3, momentum: 0.9, batch: 30, localEpochs: 60 };
      const velocity = new Float32Array(start.length);
      const round = { weights: start, velocity, data: DATA, settings, random: createRandom(name) };
      const { weights } = trainer.train(round);
      const file = { manifest, weights, generation: 1, digest: 'd', meshId: 'm' };
      writeFileSync(at(`${name}.safetensors`), encodeModelFile(file));
    }
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const common = ['--data', 'data.csv', '--label-column', 'label', '--points', '5'];
  const pair = ['a.safetensors', 'b.safetensors', ...common];

  it('print the barrier before and after alignment, repaired and by layer', async () => {
    const { status, stdout, stderr } = await run('barrier', ...pair, '--repair', '--layers');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^ends: loss \d\.\d{4} and .* on 150 samples of/);
    assert.match(stdout, /^matched by weights in \d+ sweeps/m);
    for (const row of ['as they are', 'aligned', 'repaired', 'dense_0', 'dense_1']) {
      assert.match(stdout, new RegExp(`^${row} +\\d\\.\\d{4} `, 'm'));
    }
  });

  it('give the same numbers as JSON, the same for one seed', async () => {
    const words = ['barrier', ...pair, '--json', '--seed', '7', '--refine', '1'];
    const [first, second] = [await run(...words), await run(...words)].map(({ stdout }) =>
      JSON.parse(lastLine(stdout)),
    );
    assert.deepEqual(first.before, second.before);
    assert.deepEqual(first.after, second.after);
    assert.equal(first.seed, '7');
    assert.ok(first.matching.objective.after >= first.matching.objective.before);
    assert.ok(first.matching.distance.after <= first.matching.distance.before);
    assert.ok(first.before.points.length > 5 && first.before.points.length <= 7);
    // Permuted units are the same model.
    assert.ok(Math.abs(first.before.points.at(-1).loss - first.after.points.at(-1).loss) < 1e-5);
  });

  it('write a page that needs nothing else, and never over another file unless told to', async () => {
    const words = ['connect', ...pair, '--epochs', '30', '--grid', '5', '--out', 'page.html'];
    const { status, stdout, stderr } = await run(...words);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^Bezier curve, 30 epochs in .* × the worse end$/m);
    const page = readFileSync(at('page.html'), 'utf8');
    assert.doesNotMatch(page, /<script|(src|href)="(https?:)?\/\//);
    assert.equal(page.match(/<svg[^>]*aria-label=/g)?.length, 3);
    assert.match(page, /aria-label="loss on the plane/);
    writeFileSync(at('page.html'), 'mine');
    const refused = await run(...words);
    assert.notEqual(refused.status, 0);
    assert.match(refused.stderr, /^MELDMESH_FILE_EXISTS: page\.html exists already\./m);
    assert.equal(readFileSync(at('page.html'), 'utf8'), 'mine');
    const forced = await run(...words, '--force', '--no-align', '--curve', 'chain', '--bends', '2', '--json');
    const { curve, hasPlane, before, after } = JSON.parse(lastLine(forced.stdout));
    assert.equal(curve.kind, 'chain');
    assert.equal(hasPlane, true);
    assert.equal(after, undefined);
    assert.ok(curve.worst.loss >= Math.max(before.points[0].loss, before.points[4].loss) - 1e-9);
    assert.match(readFileSync(at('page.html'), 'utf8'), /polygonal chain/);
  });

  it('connect a model with itself without a plane', async () => {
    const words = [
      'connect',
      'a.safetensors',
      'a.safetensors',
      ...common,
      '--epochs',
      '1',
      '--out',
      'same.html',
    ];
    const { status, stdout, stderr } = await run(...words, '--rate', '1e-30');
    assert.equal(status, 0, stderr);
    assert.match(stdout, /no plane: the curve lies on the straight line/);
    assert.match(readFileSync(at('same.html'), 'utf8'), /There is no plane/);
  });

  it('take dense layers of PyTorch, told by their shapes, and give the same numbers', async () => {
    for (const name of ['a', 'b']) {
      const { weights } = readModelFile(at(`${name}.safetensors`));
      const kernel = (offset: number, inputs: number, units: number) =>
        Float32Array.from({ length: inputs * units }, (_, i) => {
          return weights[offset + (i % inputs) * units + Math.floor(i / inputs)];
        });
      // By name, as PyTorch's writer sorts them.
      const file = encodeSafetensors(
        [
          { name: 'fc1.bias', shape: [8], data: weights.slice(32, 40) },
          { name: 'fc1.weight', shape: [8, 4], data: kernel(0, 4, 8) },
          { name: 'fc2.bias', shape: [3], data: weights.slice(64) },
          { name: 'fc2.weight', shape: [3, 8], data: kernel(40, 8, 3) },
        ],
        {},
      );
      writeFileSync(at(`torch-${name}.safetensors`), file);
    }
    const flags = [...common, '--scale', '255', '--json'];
    const [own, foreign] = [
      await run('barrier', 'a.safetensors', 'b.safetensors', ...flags),
      await run('barrier', 'torch-a.safetensors', 'torch-b.safetensors', ...flags),
    ].map(({ stdout, stderr }) => {
      assert.notEqual(stdout, '', stderr);
      return JSON.parse(lastLine(stdout));
    });
    assert.deepEqual(foreign.before, own.before);
    assert.deepEqual(foreign.after, own.after);
  });

  it('refuse what they cannot run, and say why', async () => {
    const conv = { name: 'conv.weight', shape: [2, 1, 3, 3], data: new Float32Array(18) };
    writeFileSync(at('conv.safetensors'), encodeSafetensors([conv], {}));
    const { status, stderr } = await run('barrier', 'conv.safetensors', 'a.safetensors', ...common);
    assert.notEqual(status, 0);
    assert.match(
      stderr,
      /^MELDMESH_MODEL_FILE: conv\.safetensors is no plain stack .* conv\.weight has 4 axes\./m,
    );
  });

  it('refuse models of different layers before they compute anything', async () => {
    const words = ['connect', 'a.safetensors', 'wide.safetensors', ...common, '--out', 'none.html'];
    const { status, stderr } = await run(...words);
    assert.notEqual(status, 0);
    assert.match(stderr, /^MELDMESH_MODEL_FILE: .* are models of different layers\./m);
    assert.equal(existsSync(at('none.html')), false);
  });
});
