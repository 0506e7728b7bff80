// The npm packages: tfjs-node with all it needs and the headers of Node-API, fetched by npm with its own settings.
import { readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { runProgram } from './child.js';
import { NODE_API_HEADERS_VERSION, TFJS_NODE_VERSION } from './machine.js';
import { megabytes, SetupError, secondsSince } from './messages.js';
import { folderBytes } from './tree.js';

const LIMIT_MS = 600_000;
// No audit, no advertisement, no scripts: the package's own is run later, where it can be bounded.
const FLAGS = [
  '--ignore-scripts',
  '--no-audit',
  '--no-fund',
  '--no-package-lock',
  '--prefer-offline',
  '--loglevel=error',
];

/** Fills `folder` with a node_modules. */
export async function fetchPackages(folder, say) {
  const startMs = performance.now();
  say('fetching the npm packages');
  const dependencies = {
    '@tensorflow/tfjs-node': TFJS_NODE_VERSION,
    'node-api-headers': NODE_API_HEADERS_VERSION,
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ private: true, dependencies }));
  const [program, ...words] = npm();
  const flags = ['install', '--prefix', folder, '--install-strategy=hoisted', ...FLAGS];
  const { code, output, ranOut } = await runProgram(program, [...words, ...flags], {
    cwd: folder,
    limitMs: LIMIT_MS,
  });
  if (code !== 0) {
    const text = `npm cannot fetch @tensorflow/tfjs-node ${TFJS_NODE_VERSION}${ranOut && `: ${ranOut}`}`;
    const advice = 'check that `npm view @tensorflow/tfjs-node` answers, and try again';
    throw new SetupError('MELDMESH_SETUP_NPM', text, advice, output);
  }
  await removeMaps(folder);
  say(`  ${megabytes(await folderBytes(folder))} in ${secondsSince(startMs)}`);
}

/** The npm that has started us, or the one on the path. */
function npm() {
  const path = process.env.npm_execpath ?? '';
  if (basename(path) === 'npm-cli.js') return [process.execPath, path];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** Source maps are two thirds of the bytes, and only debuggers read them. */
async function removeMaps(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile() && entry.name.endsWith('.map'))
      await rm(join(entry.parentPath ?? entry.path, entry.name));
  }
}
