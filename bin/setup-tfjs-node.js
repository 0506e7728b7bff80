#!/usr/bin/env node
// `npm run setup:tfjs-node`: puts @tensorflow/tfjs-node with a working libtensorflow into node_modules, without
// touching package.json or the lock. Plain JavaScript: it runs in a bare clone and from the published package.
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, usage } from './tfjs-node/arguments.js';
import { buildBinding, fetchBinding } from './tfjs-node/binding.js';
import { openCache } from './tfjs-node/cache.js';
import { endChildren, runProgram } from './tfjs-node/child.js';
import { checkNode, TFJS_NODE_VERSION } from './tfjs-node/machine.js';
import { describeError, SetupError } from './tfjs-node/messages.js';
import { modernize } from './tfjs-node/old-calls.js';
import { fetchPackages } from './tfjs-node/packages.js';
import { findHome, isPlaced, place } from './tfjs-node/place.js';
import { runningNode } from './tfjs-node/running-node.js';

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, '..');
const say = (line) => console.log(line);

/** What the binding computes in a process of its own; throws where it does not load. */
async function check(node) {
  const script = join(here, 'tfjs-node', 'matrix-check.js');
  const env = { TF_CPP_MIN_LOG_LEVEL: '2' };
  const { code, output, text } = await runProgram(node.binary, [script], { env, limitMs: 60_000 });
  if (code !== 0) {
    const advice = 'run `npm run setup:tfjs-node -- --force --build`, which builds everything here';
    throw new SetupError('MELDMESH_SETUP_LOAD', 'the binding is in place but does not load', advice, output);
  }
  return text.trim();
}

async function setUp(options) {
  const node = await runningNode(root);
  checkNode(node);
  const home = findHome(root);
  if (options.force || !isPlaced(home)) {
    say(`tfjs-node ${TFJS_NODE_VERSION} goes into ${home.folder}`);
    const cache = await openCache(options, say);
    await cache.step('packages', (folder) => fetchPackages(folder, say));
    if (!cache.has('native') && !options.build) await fetchBinding(cache, node, say);
    if (!cache.has('native')) await buildBinding(cache, options, say);
    await place(home, cache, say);
  }
  await modernize(home.folder);
  say(await check(node));
}

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
]) {
  process.on(signal, () => {
    endChildren();
    console.error('stopped; what was finished is kept, and the next run goes on from there');
    process.exit(code);
  });
}

try {
  const options = readArguments(process.argv.slice(2));
  if (options.help) say(usage());
  else await setUp(options);
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 1;
}
