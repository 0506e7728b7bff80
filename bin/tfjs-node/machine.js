// What is installed, for which machines, and where it is kept.
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SetupError } from './messages.js';

export const TFJS_NODE_VERSION = '4.22.0';
/** Node-API is stable across versions of Node, so any recent release of its headers will do. */
export const NODE_API_HEADERS_VERSION = '1.9.0';
/** Newer ones lack functions of `util` that the package calls. */
const NODE_MAJOR_MAX = 22;

/**
 * 2.16.2 is the newest release on which the package's own 3,883 tests pass; from 2.17 on `tf.round` of integers
 * answers zeros. The wheel for Python 3.11 serves every machine, because nothing of Python in it is used.
 */
export const WHEEL = {
  name: 'tensorflow-cpu',
  version: '2.16.2',
  platform: 'manylinux_2_17_x86_64',
  file: 'tensorflow_cpu-2.16.2-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
  bytes: 214_055_683,
  sha256: 'c855cb6bf05d32dd5928086b03a5f6b4189b63c22b95e017703cbee4291023ca',
  /** Wheel and unpacked libraries side by side, and the npm packages. */
  roomMegabytes: 1000,
};

/** Throws where the Node that meldmesh runs on cannot load the package. `version` is like `22.23.3`. */
export function checkNode({ version }) {
  if (Number(version.split('.')[0]) <= NODE_MAJOR_MAX) return;
  const text = `meldmesh runs on Node ${version} here, and tfjs-node ${TFJS_NODE_VERSION} on Node 22 only`;
  throw new SetupError(
    'MELDMESH_SETUP_NODE',
    text,
    'use Node 22, or go without: the WASM backend needs nothing',
  );
}

/** This machine, as far as a binary has to know it. */
export function thisMachine() {
  // Otherwise the report asks the name server about every open connection.
  process.report.excludeNetwork = true;
  const { glibcVersionRuntime: glibc } = process.report.getReport().header;
  return { platform: process.platform, arch: process.arch, glibc };
}

/** Throws where the wheel's libraries do not run. `glibc` is its version, `undefined` where there is none. */
export function checkPlatform({ platform, arch, glibc }) {
  if (platform === 'linux' && arch === 'x64' && glibc !== undefined) return;
  const name = `${platform} on ${arch}${platform === 'linux' && glibc === undefined ? ' without glibc' : ''}`;
  const text = `the binding can be built for Linux on x64 with glibc, not for ${name}`;
  const advice =
    'let its own installer fetch a binary (without --build, online), or go without: use --backend wasm';
  throw new SetupError('MELDMESH_SETUP_PLATFORM', text, advice);
}

/** The folder that outlives node_modules: MELDMESH_TFJS_NODE_CACHE, or a place among the user's caches. */
export function cacheFolder(
  { env, platform, home } = { env: process.env, platform: process.platform, home: homedir() },
) {
  if (env.MELDMESH_TFJS_NODE_CACHE) return env.MELDMESH_TFJS_NODE_CACHE;
  const caches =
    platform === 'win32'
      ? (env.LOCALAPPDATA ?? join(home, 'AppData', 'Local'))
      : platform === 'darwin'
        ? join(home, 'Library', 'Caches')
        : (env.XDG_CACHE_HOME ?? join(home, '.cache'));
  return join(caches, 'meldmesh', 'tfjs-node');
}
