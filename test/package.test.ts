// The package as a stranger gets it: packed, installed into an empty folder without development tools, and run
// from its compiled JavaScript. It also checks that a clone runs from source under the Node that is around.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CLONE = fileURLToPath(new URL('..', import.meta.url));
const COMMANDS = ['mesh', 'init', 'join', 'status', 'evaluate', 'predict', 'history', 'checkpoints', 'sim'];
const INSTALLED_MIB_MAX = 250;

/** Runs a program with this very Node first on the path; resolves to its standard output. */
function run(folder: string, program: string, ...parameters: string[]): Promise<string> {
  const path = [dirname(process.execPath), process.env.PATH].join(delimiter);
  const options = { cwd: folder, env: { ...process.env, PATH: path }, maxBuffer: 2 ** 24 };
  return new Promise((resolve, reject) => {
    execFile(program, parameters, options, (cause, stdout, stderr) => {
      if (cause === null) resolve(stdout);
      else reject(new Error(`${program} ${parameters.join(' ')} failed:\n${stdout}${stderr}`, { cause }));
    });
  });
}

async function sizeMiB(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0) / 2 ** 20;
}

describe('the package', function () {
  this.timeout(180_000);
  let folder = '';
  let tarball = '';
  const meldmesh = (...parameters: string[]): Promise<string> =>
    run(folder, join(folder, 'node_modules', '.bin', 'meldmesh'), ...parameters);

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meldmesh-package-'));
    await run(CLONE, 'npm', 'pack', '--pack-destination', folder);
    tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz')) ?? '';
    await writeFile(join(folder, 'package.json'), JSON.stringify({ name: 'stranger', type: 'module' }));
    await run(folder, 'npm', 'install', '--omit=dev', '--prefer-offline', join(folder, tarball));
  });

  after(() => rm(folder, { recursive: true, force: true }));

  it('installs in less than 250 MiB', async () => {
    const size = await sizeMiB(join(folder, 'node_modules'));
    assert.ok(size < INSTALLED_MIB_MAX, `${size.toFixed(0)} MiB installed`);
  });

  it('carries compiled code, types and the licence, but no sources and no tests', async () => {
    const root = join(folder, 'node_modules', 'meldmesh');
    for (const name of [
      'LICENSE',
      'README.md',
      'dist/node/index.js',
      'dist/node/index.d.ts',
      'dist/cli/main.js',
    ]) {
      assert.ok(existsSync(join(root, name)), `${name} is missing`);
    }
    for (const name of ['test', 'cli', 'node', 'tsconfig.json']) {
      assert.ok(!existsSync(join(root, name)), `${name} does not belong into the package`);
    }
  });

  it('tells its version and helps with every command', async () => {
    assert.equal((await meldmesh('--version')).trim(), tarball.replace(/^meldmesh-|\.tgz$/g, ''));
    const help = await meldmesh('--help');
    for (const command of COMMANDS) {
      assert.match(help, new RegExp(`\\b${command}\\b`));
      assert.match(await meldmesh(command, '--help'), new RegExp(`meldmesh ${command}`));
    }
  });

  it('trains a small mesh', async () => {
    const flags = ['--peers', '2', '--generations', '1', '--samples', '400', '--model', 'mlp:32', '--json'];
    const output = await meldmesh('mesh', ...flags, '--store', join(folder, 'mesh'));
    const report = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '');
    assert.equal(report.peers.length, 2);
    assert.equal(report.peers[0].digest, report.peers[1].digest);
  });

  it('is imported by name, whole or by room', async () => {
    const text = `
      const rooms = ['meldmesh', 'meldmesh/fusion', 'meldmesh/learning', 'meldmesh/protocols'];
      const found = await Promise.all(rooms.map((room) => import(room)));
      console.log(JSON.stringify([typeof found[0].createNode, ...found.map((room) => Object.keys(room).length > 0)]));`;
    await writeFile(join(folder, 'rooms.js'), text);
    const printed = JSON.parse(await run(folder, process.execPath, 'rooms.js'));
    assert.deepEqual(printed, ['function', true, true, true, true]);
  });

  it('gives a TypeScript program its types', async () => {
    const program = (store: string): string => `
      import { createNode, type MeldNode } from 'meldmesh';
      import type { Codec } from 'meldmesh/fusion';
      const node: MeldNode = await createNode({ store: ${store} });
      export const hear = node.on('generation', ({ digest }) => digest.slice(0, 8));
      export const name = (codec: Codec): string => codec.name;`;
    await writeFile(join(folder, 'right.ts'), program("'./store'"));
    await writeFile(join(folder, 'wrong.ts'), program('7'));
    const tsc = join(CLONE, 'node_modules', '.bin', 'tsc');
    const flags = ['--noEmit', '--strict', '--skipLibCheck', '--target', 'es2023', '--module', 'nodenext'];
    await run(folder, tsc, ...flags, 'right.ts');
    await assert.rejects(run(folder, tsc, ...flags, 'wrong.ts'), /TS2322.*number.*string/s);
  });

  it('runs from source in a clone, under the Node that npx finds', async () => {
    const path = (process.env.PATH ?? '').split(delimiter).filter((part) => !part.includes('node_modules'));
    const bare = { ...process.env, PATH: path.join(delimiter) };
    const { stdout } = await promisify(execFile)('npx', ['meldmesh', '--version'], { cwd: CLONE, env: bare });
    assert.match(stdout, /^\d+\.\d+\.\d+/);
  });
});
