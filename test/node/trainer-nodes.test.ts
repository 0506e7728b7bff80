// Nodes with an external trainer as their users meet them: the command line, its memory, a mesh of both kinds, and the
// ends that a process can come to.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { joinMesh, type Member, type MemberOptions, manifestOf, writeManifest } from './support/meshes.ts';
import {
  cleanUp,
  journalOf,
  meldmesh,
  reached,
  run,
  temporaryFolder,
  until,
  within,
} from './support/processes.ts';
import { faultyTrainer, processesWith, tinyTrainer } from './support/trainers.ts';

/** A node that learns alone, so that one process is a whole story. */
const manifest = manifestOf({ name: 'trainers', pace: { contributorsMin: 1 } });
const FOLDER = import.meta.dirname;

const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(' ');

describe('a node with a trainer', function () {
  this.timeout(300_000);
  let folder: string;
  let manifestFile: string;

  beforeEach(() => {
    folder = temporaryFolder();
    manifestFile = writeManifest(folder, manifest);
  });
  afterEach(async () => {
    for (const pid of processesWith(folder)) process.kill(pid, 'SIGKILL');
    await cleanUp();
  });

  function found(trainer: string, options: Partial<MemberOptions> = {}): Member {
    const more = ['--trainer', trainer, ...(options.more ?? [])];
    return joinMesh({ store: join(folder, 'node'), how: ['--manifest', manifestFile], ...options, more });
  }

  /** Trainers name the folder of their memory in their command. */
  const trainers = (): readonly number[] => processesWith(join(folder, 'memory'));

  it('contributes again when its trainer recovers, and said what had happened', async () => {
    const member = found(quoted(faultyTrainer('crash', join(folder, 'memory'))));
    const status = await reached(member, 'it contributes', ({ generation }) => generation >= 2);
    assert.deepEqual([status.backend, status.samples, status.observing], ['faulty', 64, false]);
    const notices = journalOf(member.store).filter(({ msg }) => msg === 'notice');
    const failed = notices.find(({ code }) => code === 'TRAINING_FAILED');
    assert.match(failed?.text ?? '', /the trainer ended with status 3; its last words: RuntimeError: CUDA/);
    assert(notices.some(({ code, text }) => code === 'TRAINER_SAYS' && /Traceback/.test(text ?? '')));
    member.running.child.kill('SIGTERM');
    assert.equal((await within(member.running.ended, 'it stops')).status, 0);
    assert.deepEqual(trainers(), []);
  });

  it('takes its trainer with it at Ctrl-C, also one that does not listen', async () => {
    const member = found(quoted(faultyTrainer('stubborn', folder)));
    await reached(member, 'it learns', ({ generation }) => generation >= 1);
    const pids = readFileSync(join(folder, 'pids'), 'utf8').split(' ').map(Number);
    member.running.child.kill('SIGINT');
    assert.equal((await within(member.running.ended, 'it stops')).status, 130);
    const left = processesWith('').filter((pid) => pids.includes(pid));
    assert.deepEqual(left, []);
  });

  it('leaves no trainer behind when it is killed', async () => {
    const member = found(quoted(faultyTrainer('none', join(folder, 'memory'))));
    await reached(member, 'it learns', ({ generation }) => generation >= 1);
    assert.equal(trainers().length > 0, true);
    member.running.child.kill('SIGKILL');
    await member.running.ended;
    await until(() => trainers().length === 0, 'the trainer has ended by itself');
  });

  it('says at once that a command cannot be run, or is none', async () => {
    const flags = ['--manifest', manifestFile, '--store', join(folder, 'node'), '--no-mdns'];
    const typo = await run([
      'join',
      ...flags,
      '--listen',
      '/ip4/127.0.0.1/tcp/0',
      '--trainer',
      'pyhton3 train.py',
    ]);
    assert.equal(typo.status, 1);
    assert.match(
      typo.errors,
      /^MELDMESH_TRAINER_COMMAND: the trainer "pyhton3 train\.py" cannot be run, there is no such program: correct .*\?$/m,
    );
    const open = await run(['join', ...flags, '--trainer', "python3 'train.py"]);
    assert.match(open.errors, /^MELDMESH_USAGE: .*Close the quote/m);
    const watching = await run(['join', ...flags, '--trainer', 'x', '--observe']);
    assert.match(watching.errors, /^MELDMESH_USAGE: An observer does not train, but --trainer was given/m);
    const mesh = await run([
      'mesh',
      '--peers',
      '2',
      '--store',
      join(folder, 'mesh'),
      '--trainer',
      'pyhton3 train.py',
    ]);
    assert.equal(mesh.status, 1);
    assert.match(
      mesh.errors,
      /^MELDMESH_MESH_FAILED: Node 1 cannot train\. MELDMESH_TRAINER_COMMAND: .* no such program/m,
    );
  });

  it('remembers its trainer and the folder in which it was typed', async () => {
    const digits = { first: 0, count: 64 };
    const support = join(FOLDER, 'support');
    const first = found(`'${process.execPath}' tiny-trainer.js`, { digits, process: { cwd: support } });
    await reached(first, 'it learns', ({ generation }) => generation >= 1);
    first.running.child.kill('SIGTERM');
    await within(first.running.ended, 'it stops');
    const again = joinMesh({ store: first.store, process: { cwd: folder } });
    const { backend } = await reached(again, 'it goes on', ({ generation }) => generation >= 3);
    assert.equal(backend, 'tiny');
    again.running.child.kill('SIGTERM');
    await within(again.running.ended, 'it stops');
    assert(!existsSync(join(first.store, 'trainer')), 'no samples stay in the store');
  });

  it('says when the disk is full, and keeps its trainer for later', async () => {
    const child = join(FOLDER, 'trainer-full-disk-child.ts');
    const limited = [
      '-c',
      'ulimit -f 64 && exec "$@"',
      'bash',
      process.execPath,
      child,
      join(folder, 'exchange'),
    ];
    const { stdout } = await promisify(execFile)('bash', limited);
    const { events, before, after } = JSON.parse(stdout);
    for (const { kind, error } of events) {
      assert.equal(kind, 'failed');
      assert.match(
        error,
        /the weights cannot be written for the trainer \(EFBIG.*\): free some space on that disk/,
      );
    }
    assert.equal(before.length, 1);
    assert.deepEqual(after, before, 'the trainer is still the same process');
  });

  it('makes a mesh with nodes that train by themselves, and all end with one digest', async () => {
    const store = join(folder, 'mesh');
    const flags = [
      '--peers',
      '3',
      '--generations',
      '4',
      '--samples',
      '300',
      '--model',
      'mlp:16',
      '--seed',
      '1',
    ];
    const trainer = ['--trainer', quoted(tinyTrainer), '--trainer-nodes', '1'];
    const mesh = meldmesh(['mesh', ...flags, ...trainer, '--store', store, '--no-references', '--json']);
    const { status } = await within(mesh.ended, 'the mesh ends');
    assert.equal(status, 0, mesh.errors());
    const { peers, backend } = JSON.parse(mesh.output().trimEnd().split('\n').at(-1) ?? '');
    const names = peers.map((peer: { readonly trainer?: string }) => peer.trainer);
    assert.deepEqual(names, [undefined, undefined, 'tiny']);
    assert.notEqual(backend, 'tiny');
    const digests = new Set(peers.map(({ digest }: { readonly digest: string }) => digest));
    assert.equal(digests.size, 1);
    assert.match(mesh.errors(), /node 2 trains with: /);
    const contributed = journalOf(join(store, 'node-2')).filter(({ msg }) => msg === 'publish');
    assert(contributed.length >= 3, 'the trainer has contributed');
  });
});
