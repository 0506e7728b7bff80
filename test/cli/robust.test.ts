// `meldmesh robust` as a process, on a folder of tiny updates of which one is an attack.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliEntry } from '../../cli/mesh/spawn.ts';
import { readUpdateFiles } from '../../cli/robust/update-files.ts';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '../../fusion/index.ts';
import { lastLine, runProgram } from './sim-command.ts';

const tensor = (name: string, shape: readonly number[], ...data: readonly number[]): NamedTensor => ({
  name,
  shape,
  data: Float32Array.from(data),
});

/** Five honest updates of one matrix and one bias, which differ a little, and one that is a thousand times as large. */
const UPDATES: Readonly<Record<string, readonly NamedTensor[]>> = Object.fromEntries(
  ['ann', 'bob', 'cat', 'dan', 'eve', 'mallory', 'zoe'].map((name, i) => {
    const by = name === 'mallory' ? -1_000 : 1 + i / 10;
    return [name, [tensor('w', [2, 2], by, 2 * by, -by, 0), tensor('b', [1], by)]];
  }),
);

describe('meldmesh robust', function () {
  this.timeout(60_000);
  let folder = '';
  const at = (name: string) => join(folder, name);
  const run = (...words: string[]) => runProgram([cliEntry(), 'robust', ...words], { cwd: folder });
  const write = (into: string, files: typeof UPDATES, metadata?: (i: number) => Record<string, string>) => {
    mkdirSync(at(into));
    for (const [i, [name, tensors]] of Object.entries(files).entries()) {
      writeFileSync(join(at(into), `${name}.safetensors`), encodeSafetensors(tensors, metadata?.(i)));
    }
  };
  const read = (name: string) => {
    const file = decodeSafetensors(readFileSync(at(name)), { tensorsMax: 9, bytesMax: 1e6 });
    assert(!('error' in file));
    return file;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meldmesh-robust-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('writes the fused update and prints a line for each, with the attacker at the end of the scores', async () => {
    write('updates', UPDATES);
    const { status, stdout, stderr } = await run(
      '--rule',
      'multi-krum',
      '--updates',
      'updates',
      '-o',
      'out.st',
    );
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^read 7 updates of 5 numbers in 2 tensors from updates$/m);
    assert.match(stdout, /^update +weight +norm +distance +share +score$/m);
    assert.match(stdout, /^mallory\.safetensors +1 +2646 +26\d\d +0\.00 % +2\.\d+e\+7$/m);
    assert.match(stdout, /^fused by multi-krum:0\.2 in 0\.0\d s$/m);
    const { tensors, metadata } = read('out.st');
    assert.deepEqual(
      tensors.map(({ name, shape }) => [name, shape]),
      [
        ['w', [2, 2]],
        ['b', [1]],
      ],
    );
    assert(tensors[1].data[0] > 1 && tensors[1].data[0] < 1.6, `${tensors[1].data}`);
    assert.equal(metadata['meldmesh.rule'], 'multi-krum:0.2');
  });

  it('weighs by the samples in the metadata and gives the numbers as JSON', async () => {
    const { ann, bob } = UPDATES;
    write('updates', { ann, bob }, (i) => ({ 'meldmesh.samples': String(3 - 2 * i) }));
    const words = ['--rule', 'krum:0.1/mean', '--updates', 'updates', '-o', 'out.st', '--json'];
    const { status, stdout, stderr } = await run(...words);
    assert.equal(status, 0, stderr);
    const { rule, used, parameters, updates } = JSON.parse(lastLine(stdout));
    assert.deepEqual([rule, used, parameters], ['krum:0.1/mean', 'mean', 5]);
    assert.deepEqual(
      updates.map(({ name, weight, share }: Record<string, unknown>) => [name, weight, share]),
      [
        ['ann.safetensors', 3, 0.75],
        ['bob.safetensors', 1, 0.25],
      ],
    );
    assert(Math.abs(updates[0].norm - Math.sqrt(7)) < 1e-6);
    const { tensors, metadata } = read('out.st');
    assert.deepEqual(tensors[1].data, Float32Array.of((3 * 1 + Math.fround(1.1)) / 4));
    assert.equal(metadata['meldmesh.samples'], '4');
  });

  it('draws buckets from the seed and trusts by a reference', async () => {
    write('updates', UPDATES);
    const words = ['--updates', 'updates', '-o', 'out.st', '--force'];
    const drawn = await run(...words, '--rule', 'bucket|trimmed:0.25', '--seed', '2');
    assert.equal(drawn.status, 0, drawn.stderr);
    assert(Math.abs(read('out.st').tensors[1].data[0]) < 2);
    writeFileSync(at('mine'), encodeSafetensors(UPDATES.zoe));
    const trusted = await run(...words, '--rule', 'fltrust', '--reference', 'mine', '--json');
    assert.equal(trusted.status, 0, trusted.stderr);
    const { updates } = JSON.parse(lastLine(trusted.stdout));
    assert.deepEqual(
      updates.map(({ score }: { score: number }) => Math.round(score)),
      [1, 1, 1, 1, 1, 0, 1],
    );
    const without = await run(...words, '--rule', 'fltrust');
    assert.match(without.stderr, /^MELDMESH_FUSION_SPEC: fltrust measures by a reference update/m);
  });

  it('never writes over a file unless told to', async () => {
    write('updates', UPDATES);
    writeFileSync(at('out.st'), 'mine');
    const { status, stderr } = await run('--rule', 'median', '--updates', 'updates', '-o', 'out.st');
    assert.notEqual(status, 0);
    assert.match(stderr, /^MELDMESH_FILE_EXISTS: out\.st exists already\.\nWhat to do: .*--force/m);
    assert.equal(readFileSync(at('out.st'), 'utf8'), 'mine');
  });

  it('says what is wrong with the rule or the number of updates, and writes nothing', async () => {
    const { ann, bob } = UPDATES;
    write('updates', { ann, bob });
    const few = await run('--rule', 'median', '--updates', 'updates', '-o', 'out.st');
    assert.match(few.stderr, /^MELDMESH_FUSION_TOO_FEW: median:3 needs 3 updates and has 2; add/m);
    const misspelt = await run('--rule', 'medain', '--updates', 'updates', '-o', 'out.st');
    assert.match(misspelt.stderr, /^MELDMESH_FUSION_SPEC: There is no rule "medain"; use one of mean/m);
    assert.deepEqual(
      [few.status === 0, misspelt.status === 0, existsSync(at('out.st'))],
      [false, false, false],
    );
  });

  it('says which file and tensor is wrong, with a code', () => {
    const { ann, bob, cat } = UPDATES;
    const refuses = (files: typeof UPDATES, code: string, message: RegExp) => {
      rmSync(at('updates'), { recursive: true, force: true });
      write('updates', files);
      assert.throws(() => readUpdateFiles(at('updates')), { code: `MELDMESH_${code}`, message });
    };
    refuses({}, 'FUSION_TOO_FEW', /updates holds no \.safetensors file; give the folder/);
    refuses({ ann, bob: bob.slice(0, 1), cat }, 'MODEL_FILE', /bob\.safetensors .* no tensor b/);
    const wide = [tensor('w', [4], 1, 2, 3, 4), tensor('b', [1], 1)];
    refuses({ ann, wide }, 'MODEL_FILE', /wide\.safetensors .*tensor w has the shape \[4\]/);
    const bad = [ann[0], tensor('b', [1], Number.NaN)];
    refuses({ ann, bad }, 'FUSION_NOT_FINITE', /bad\.safetensors: the tensor b holds NaN; leave/);
    const state = [...ann, ...ann.map((each) => ({ ...each, name: `outer_momentum/${each.name}` }))];
    refuses({ state }, 'MODEL_FILE', /state\.safetensors .* whole state of a mesh/);
    writeFileSync(join(at('updates'), 'zoe.safetensors'), 'no tensors here');
    assert.throws(() => readUpdateFiles(at('updates')), { code: 'MELDMESH_MODEL_FILE' });
    assert.throws(() => readUpdateFiles(at('nowhere')), { code: 'ENOENT' });
  });

  it('refuses counts of samples that are none, or that only some files have', () => {
    const { ann, bob } = UPDATES;
    for (const samples of ['0', '-3', '1e3', 'many', undefined]) {
      rmSync(at('updates'), { recursive: true, force: true });
      write('updates', { ann, bob }, (file): Record<string, string> => {
        const own = file === 0 ? '5' : samples;
        return own === undefined ? {} : { 'meldmesh.samples': own };
      });
      assert.throws(() => readUpdateFiles(at('updates')), {
        code: 'MELDMESH_MODEL_FILE',
        message: /bob\.safetensors is no usable update: .*meldmesh\.samples/,
      });
    }
  });
});
