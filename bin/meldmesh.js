#!/usr/bin/env node
// The door of the command line. It runs under whatever Node starts it and makes sure that Node 22 does the
// work: libp2p 3 does not start on 20. In a clone the source runs as it is; a published package runs dist/.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const source = join(root, 'cli', 'main.ts');
const fromSource = existsSync(source);
const main = fromSource ? source : join(root, 'dist', 'cli', 'main.js');

/** Node 22 runs compiled code from its first release on, and TypeScript from 22.18 on. */
function isNewEnough() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && (!fromSource || minor >= 18));
}

/** The binary of the npm package `node`, where it is installed; `undefined` elsewhere. */
function packagedNode() {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}

/** Hands the command over to another Node and leaves as it left. */
function runWith(binary) {
  const child = spawn(binary, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

const binary = isNewEnough() ? process.execPath : packagedNode();
if (binary === undefined) {
  console.error(
    `MELDMESH_NODE_TOO_OLD: meldmesh needs Node 22 or newer; this is ${process.version}.\n` +
      'What to do: install Node 22, or run `npm install node@22` next to meldmesh and try again.',
  );
  process.exitCode = 1;
} else if (binary === process.execPath) {
  if (fromSource) await import('./source-cache.js');
  await import(pathToFileURL(main).href);
} else {
  runWith(binary);
}
