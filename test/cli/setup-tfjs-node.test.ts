// The set-up of libtensorflow as far as it goes without a network: what it refuses, and in which words.
import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipFile } from '../learning/samples.ts';

const CLONE = fileURLToPath(new URL('../..', import.meta.url));

interface Machine {
  readonly platform: string;
  readonly arch: string;
  readonly glibc: string | undefined;
}

/** What the test uses of the script's parts, which are JavaScript. */
interface Parts {
  checkNode(node: { version: string }): void;
  checkPlatform(machine: Machine): void;
  cacheFolder(user: { env: Record<string, string>; platform: string; home: string }): string;
  modernText(text: string): string;
  extractFiles(
    archive: string,
    folder: string,
    placeOf: (name: string) => string | undefined,
  ): Promise<number>;
}

async function partsOf(name: string): Promise<Parts> {
  return await import(new URL(`../../bin/tfjs-node/${name}.js`, import.meta.url).href);
}

/** An installed meldmesh with nothing but the script, and a tfjs-core that is only a name. */
class Clone {
  readonly folder = mkdtempSync(join(tmpdir(), 'meldmesh-setup-'));

  constructor() {
    cpSync(join(CLONE, 'bin'), join(this.folder, 'bin'), { recursive: true });
    this.package('.', '0.0.0');
    this.package('node_modules/@tensorflow/tfjs-core', '4.22.0');
  }

  package(path: string, version: string): void {
    mkdirSync(join(this.folder, path), { recursive: true });
    writeFileSync(join(this.folder, path, 'package.json'), JSON.stringify({ version, type: 'module' }));
  }

  /** A program of this name that answers everything with the same words and status. */
  program(name: string, status: number, words = ''): void {
    mkdirSync(join(this.folder, 'programs'), { recursive: true });
    const path = join(this.folder, 'programs', name);
    writeFileSync(path, `#!/bin/sh\necho '${words}'\nexit ${status}\n`);
    chmodSync(path, 0o755);
  }

  /** What the cache has already, so that no npm is needed. */
  cached(): string {
    const [folder] = readdirSync(join(this.folder, 'cache'));
    const path = join(this.folder, 'cache', folder);
    mkdirSync(join(path, 'packages', 'node_modules'), { recursive: true });
    return path;
  }

  run(...words: readonly string[]): SpawnSyncReturns<string> {
    const programs = [join(this.folder, 'programs'), '/nowhere'].join(delimiter);
    const env = { PATH: programs, HOME: this.folder, MELDMESH_TFJS_NODE_CACHE: join(this.folder, 'cache') };
    const script = join(this.folder, 'bin', 'setup-tfjs-node.js');
    return spawnSync(process.execPath, [script, ...words], { env, cwd: this.folder, encoding: 'utf8' });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }
}

function assertRefused(result: SpawnSyncReturns<string>, code: string, text: RegExp): void {
  assert.equal(result.status, 1, result.stdout);
  assert.match(result.stderr, new RegExp(`^${code}: .*\\.$`, 'm'));
  assert.match(result.stderr, /^What to do: .*\.$/m);
  assert.match(result.stderr, text);
  assert.doesNotMatch(result.stderr, /^ +at /m, 'no stack');
}

describe('setup:tfjs-node', () => {
  let clone: Clone;
  beforeEach(() => {
    clone = new Clone();
  });
  afterEach(() => clone.remove());

  it('tells in its help about every option, where things are kept, and gives examples', () => {
    const { status, stdout } = clone.run('--help');
    assert.equal(status, 0);
    for (const word of ['--build', '--wheel', '--force', 'examples', join(clone.folder, 'cache')])
      assert(stdout.includes(word), word);
  });

  it('refuses an option that it does not know', () => {
    assertRefused(clone.run('--fast'), 'MELDMESH_SETUP_ARGUMENT', /Unknown option '--fast'\./);
  });

  it('refuses a Node that the package does not work on, in one sentence', async () => {
    const { checkNode } = await partsOf('machine');
    for (const version of ['22.0.0', '22.23.3']) checkNode({ version });
    for (const version of ['23.0.0', '24.21.0', '100.0.0']) {
      assert.throws(() => checkNode({ version }), { code: 'MELDMESH_SETUP_NODE' });
    }
  });

  it('builds for Linux on x64 with glibc and refuses other machines', async () => {
    const { checkPlatform } = await partsOf('machine');
    checkPlatform({ platform: 'linux', arch: 'x64', glibc: '2.36' });
    for (const machine of [
      { platform: 'linux', arch: 'x64', glibc: undefined },
      { platform: 'linux', arch: 'arm64', glibc: '2.36' },
      { platform: 'darwin', arch: 'arm64', glibc: undefined },
      { platform: 'win32', arch: 'x64', glibc: undefined },
    ])
      assert.throws(() => checkPlatform(machine), { code: 'MELDMESH_SETUP_PLATFORM' });
  });

  it('keeps what it makes among the caches of the user, or where it is told to', async () => {
    const { cacheFolder } = await partsOf('machine');
    const folder = (platform: string, env: Record<string, string> = {}) =>
      cacheFolder({ platform, env, home: '/home/a' });
    assert.equal(folder('linux'), '/home/a/.cache/meldmesh/tfjs-node');
    assert.equal(folder('linux', { XDG_CACHE_HOME: '/c' }), '/c/meldmesh/tfjs-node');
    assert.equal(folder('darwin'), '/home/a/Library/Caches/meldmesh/tfjs-node');
    assert.equal(folder('linux', { MELDMESH_TFJS_NODE_CACHE: '/big' }), '/big');
  });

  it('asks for npm install where meldmesh has no packages yet', () => {
    rmSync(join(clone.folder, 'node_modules'), { recursive: true });
    assertRefused(clone.run(), 'MELDMESH_SETUP_INSTALL', /npm install/);
  });

  it('leaves another version of the package alone', () => {
    clone.package('node_modules/@tensorflow/tfjs-node', '3.0.0');
    assertRefused(clone.run(), 'MELDMESH_SETUP_VERSION', /tfjs-node 3\.0\.0 is installed/);
  });

  it('shows what npm says when the packages do not come, and leaves no half of them', () => {
    clone.program('npm', 1, 'npm error network is unreachable');
    assertRefused(clone.run(), 'MELDMESH_SETUP_NPM', /\| npm error network is unreachable/);
    clone.cached();
    assertRefused(clone.run('--build'), 'MELDMESH_SETUP_COMPILER', /looked for g\+\+, clang\+\+, c\+\+/);
    assert.deepEqual(readdirSync(clone.cached()), ['packages'], 'the next run clears what was left');
  });

  it('names what is missing before it downloads: compiler, pip, the wheel', () => {
    clone.program('npm', 1);
    clone.run();
    clone.cached();
    assertRefused(clone.run('--build'), 'MELDMESH_SETUP_COMPILER', /apt install g\+\+/);
    clone.program('g++', 0);
    assertRefused(clone.run('--build'), 'MELDMESH_SETUP_PIP', /--wheel tensorflow_cpu-2\.16\.2-/);
    assertRefused(clone.run('--wheel', 'a.whl'), 'MELDMESH_SETUP_ARGUMENT', /there is no wheel .*a\.whl/);
    writeFileSync(join(clone.folder, 'a.whl'), 'something else');
    assertRefused(clone.run('--wheel', 'a.whl'), 'MELDMESH_SETUP_HASH', /its sha256 is [0-9a-f]{64}/);
    clone.program('python3', 0);
    assertRefused(
      clone.run('--build'),
      'MELDMESH_SETUP_DOWNLOAD',
      /pip cannot fetch tensorflow-cpu 2\.16\.2/,
    );
  });

  it('reads single files out of a zip archive', async () => {
    const { extractFiles } = await partsOf('zip-file');
    const archive = join(clone.folder, 'a.zip');
    const long = Buffer.from('libtensorflow '.repeat(100_000));
    const files = { 'a/long.txt': long, 'a/short.txt': Buffer.from('x'), 'a/none.txt': Buffer.alloc(0) };
    for (const deflate of [true, false]) {
      writeFileSync(archive, zipFile(files, { deflate }));
      const place = (name: string) => (name === 'a/short.txt' ? undefined : `${deflate}/${name}`);
      assert.equal(await extractFiles(archive, clone.folder, place), long.length);
      const folder = join(clone.folder, String(deflate), 'a');
      assert.deepEqual(readdirSync(folder).sort(), ['long.txt', 'none.txt']);
      assert.deepEqual(readFileSync(join(folder, 'long.txt')), long);
    }
  });

  it('replaces calls that newer versions of Node complain about', async () => {
    const { modernText } = await partsOf('old-calls');
    const old = 'a = (0, util_1.isNullOrUndefined)(k) ? 1 : (0, util_1.isArray)(tensors);';
    assert.equal(modernText(old), 'a = (k == null) ? 1 : Array.isArray(tensors);');
    assert.equal(modernText(modernText(old)), modernText(old));
  });
});
