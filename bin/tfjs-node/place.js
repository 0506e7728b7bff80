// The package's place in node_modules. It brings its dependencies in a node_modules of its own and shares only the
// TensorFlow.js packages that meldmesh has, so that nothing else in node_modules changes.
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, realpath, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { BINDING } from './binding.js';
import { removeLeftovers } from './cache.js';
import { TFJS_NODE_VERSION } from './machine.js';
import { SetupError, secondsSince } from './messages.js';

/** The node_modules/@tensorflow that meldmesh sees, and the package's folder in it, there or not. */
export function findHome(root) {
  const looked = createRequire(join(root, 'package.json')).resolve.paths('@tensorflow/tfjs-core') ?? [];
  const scope = looked
    .map((folder) => join(folder, '@tensorflow'))
    .find((path) => versionIn(join(path, 'tfjs-core')));
  if (scope === undefined) {
    const text = `the packages of meldmesh are not installed in ${root}`;
    throw new SetupError('MELDMESH_SETUP_INSTALL', text, 'run `npm install` first');
  }
  const home = { scope, folder: join(scope, 'tfjs-node') };
  const version = versionIn(home.folder);
  if (version === undefined || version === TFJS_NODE_VERSION) return home;
  const text = `@tensorflow/tfjs-node ${version} is installed, and meldmesh works with ${TFJS_NODE_VERSION} only`;
  const advice = `run \`npm install --no-save @tensorflow/tfjs-node@${TFJS_NODE_VERSION}\`, or uninstall it, and try again`;
  throw new SetupError('MELDMESH_SETUP_VERSION', text, advice);
}

/** True where package, binding and libraries are there, the last through a link that the cache must still answer. */
export function isPlaced({ folder }) {
  return (
    versionIn(folder) !== undefined &&
    existsSync(join(folder, BINDING)) &&
    existsSync(join(folder, 'deps', 'lib'))
  );
}

function versionIn(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version;
  } catch {
    return undefined;
  }
}

/** Puts the package there, or only its native part where npm has installed the package. */
export async function place({ scope, folder }, cache, say) {
  const startMs = performance.now();
  // A name with a dot in front is not a package to npm.
  const partial = join(scope, `.tfjs-node.partial-${process.pid}`);
  await removeLeftovers(scope);
  try {
    const isNew = versionIn(folder) === undefined || bringsItsOwn(folder);
    if (isNew) await copyPackage(cache.path(join('packages', 'node_modules')), partial, scope);
    await mkdir(partial, { recursive: true });
    await cp(cache.path(join('native', 'lib')), join(partial, 'lib'), { recursive: true });
    await linkOrCopy(await realpath(cache.path(join('native', 'deps'))), join(partial, 'deps'));
    if (isNew) {
      await rm(folder, { recursive: true, force: true });
      await rename(partial, folder);
    } else {
      // The binding last: it is what says that all is there.
      for (const name of ['deps', 'lib']) {
        await rm(join(folder, name), { recursive: true, force: true });
        await rename(join(partial, name), join(folder, name));
      }
    }
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
  say(`installed in ${secondsSince(startMs)}`);
}

/** True for a package that we have put there; npm would have spread its dependencies over node_modules. */
function bringsItsOwn(folder) {
  return existsSync(join(folder, 'node_modules', '@tensorflow', 'tfjs'));
}

async function copyPackage(modules, target, scope) {
  await cp(join(modules, '@tensorflow', 'tfjs-node'), target, { recursive: true });
  for (const name of await packageNames(modules)) {
    // Shared: two copies of the core would be two engines' worth of memory and of registered kernels.
    const isShared =
      name.startsWith('@tensorflow/') &&
      versionIn(join(scope, '..', name)) === versionIn(join(modules, name));
    const isLeftOut = isShared || name === '@tensorflow/tfjs-node' || name === 'node-api-headers';
    if (!isLeftOut) await cp(join(modules, name), join(target, 'node_modules', name), { recursive: true });
  }
}

async function packageNames(modules) {
  const names = (await readdir(modules)).filter((name) => !name.startsWith('.'));
  const scoped = names
    .filter((name) => name.startsWith('@'))
    .map(async (scope) => (await readdir(join(modules, scope))).map((name) => `${scope}/${name}`));
  const all = [...names.filter((name) => !name.startsWith('@')), ...(await Promise.all(scoped)).flat()];
  return all.filter((name) => !name.includes('/.'));
}

/** Half a gigabyte is linked, not copied. Windows takes links from administrators only, and there it is less. */
async function linkOrCopy(source, target) {
  if (process.platform === 'win32') await cp(source, target, { recursive: true, dereference: true });
  else await symlink(source, target, 'dir');
}
