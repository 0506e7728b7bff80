// The native part: fetched by the package's own installer where that gets through, otherwise built here. Either way
// the cache has it as `native`: `lib` goes into the package, `deps` is what the package's `deps` points to.
import { existsSync } from 'node:fs';
import { cp, mkdir, rename, rm, symlink } from 'node:fs/promises';
import { delimiter, dirname, join, resolve } from 'node:path';
import { removeLeftovers } from './cache.js';
import { answers, runProgram } from './child.js';
import { checkPlatform, thisMachine, WHEEL } from './machine.js';
import { SetupError, secondsSince } from './messages.js';
import { folderBytes } from './tree.js';
import { checkWheel, downloadWheel, findPip, keepWheel, unpackWheel } from './wheel.js';

/** The highest version of Node-API that the package looks for; Node 18.17 and later have it. */
export const BINDING = join('lib', 'napi-v8', 'tfjs_binding.node');
const INSTALLER_STALL_MS = 30_000;
const INSTALLER_LIMIT_MS = 600_000;
const COMPILE_LIMIT_MS = 600_000;
const COMPILERS = ['g++', 'clang++', 'c++'];

/** Lets the package's own installer try; says so and leaves nothing behind where it fails. */
export async function fetchBinding(cache, node, say) {
  const startMs = performance.now();
  say("asking the package's own installer for its binary");
  const modules = cache.path(join('packages', 'node_modules'));
  await removeLeftovers(join(modules, '@tensorflow'));
  // A copy beside the original, from where it finds the same packages: the installer writes into its own folder.
  const copy = join(modules, '@tensorflow', `.tfjs-node.partial-${process.pid}`);
  try {
    await cp(join(modules, '@tensorflow', 'tfjs-node'), copy, { recursive: true });
    const PATH = [dirname(node.binary), join(modules, '.bin'), process.env.PATH].join(delimiter);
    const { output, ranOut } = await runProgram(node.binary, [join('scripts', 'install.js')], {
      ...{ cwd: copy, env: { PATH }, limitMs: INSTALLER_LIMIT_MS, stallMs: INSTALLER_STALL_MS },
      look: () => folderBytes(copy),
    });
    if (ranOut === '' && existsSync(join(copy, BINDING))) {
      await cache.step('native', async (folder) => {
        for (const name of ['lib', 'deps']) await rename(join(copy, name), join(folder, name));
      });
      say(`  fetched in ${secondsSince(startMs)}`);
    } else {
      const reason =
        ranOut ||
        /^.*\b(?:ENOTFOUND|EAI_AGAIN|E?CONN\w+|ETIMEDOUT|failed with error)\b.*$/m.exec(output)?.[0];
      say(`  it did not get through (${reason ?? 'no binary came'})`);
    }
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

/** Builds the binding from the wheel's libraries and the package's source. */
export async function buildBinding(cache, { wheel }, say) {
  checkPlatform(thisMachine());
  const compiler = await findCompiler();
  if (!cache.has('libtensorflow')) {
    await cache.checkRoom();
    const ownWheel = cache.path(WHEEL.file);
    if (wheel === undefined && !existsSync(ownWheel)) {
      const pip = await findPip();
      await cache.step('download', (folder) => downloadWheel(folder, pip, say));
      await keepWheel(cache.path('download'), ownWheel);
      await cache.remove('download');
    }
    const source = wheel === undefined ? ownWheel : resolve(process.env.INIT_CWD ?? '.', wheel);
    if (wheel !== undefined) await checkWheel(source);
    await cache.step('libtensorflow', (folder) => unpackWheel(source, folder, say));
    await cache.remove(WHEEL.file);
  }
  await cache.step('native', (folder) => compile(cache, { folder, compiler }, say));
}

async function findCompiler() {
  for (const compiler of process.env.CXX ? [process.env.CXX] : COMPILERS) {
    if (await answers(compiler, ['--version'])) return compiler;
  }
  const text = `there is no C++ compiler here (looked for ${process.env.CXX ?? COMPILERS.join(', ')})`;
  throw new SetupError(
    'MELDMESH_SETUP_COMPILER',
    text,
    'install one (Debian: apt install g++) and try again',
  );
}

async function compile(cache, { folder, compiler }, say) {
  const startMs = performance.now();
  say(`compiling the binding with ${compiler}`);
  const modules = cache.path(join('packages', 'node_modules'));
  const source = join(modules, '@tensorflow', 'tfjs-node', 'binding');
  const libraries = cache.path('libtensorflow');
  const includes = [
    join(libraries, 'include'),
    join(modules, 'node-api-headers', 'include'),
    dirname(source),
  ];
  const target = join(folder, BINDING);
  await mkdir(dirname(target), { recursive: true });
  const { code, output, ranOut } = await runProgram(
    compiler,
    [
      ...[
        '-std=c++17',
        '-O2',
        '-shared',
        '-fPIC',
        '-DNAPI_VERSION=8',
        ...includes.map((path) => `-I${path}`),
      ],
      ...[join(source, 'tfjs_backend.cc'), join(source, 'tfjs_binding.cc'), '-o', target],
      ...[`-L${join(libraries, 'lib')}`, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'],
      '-Wl,-rpath,$ORIGIN/../../deps/lib',
    ],
    { limitMs: COMPILE_LIMIT_MS },
  );
  if (code !== 0) {
    const text = `the binding does not compile${ranOut && `: ${ranOut}`}`;
    const advice = 'use g++ 9 or newer (CXX names another compiler)';
    throw new SetupError('MELDMESH_SETUP_COMPILE', text, advice, output);
  }
  await symlink(join('..', 'libtensorflow'), join(folder, 'deps'), 'dir');
  say(`  in ${secondsSince(startMs)}`);
}
