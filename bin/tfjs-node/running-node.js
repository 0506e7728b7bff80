// Which Node meldmesh runs on; bin/meldmesh.js has the same rule.
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { runProgram } from './child.js';
import { SetupError } from './messages.js';

/** This Node from 22 on, otherwise the one of the npm package `node`: its binary and its version, like `22.23.3`. */
export async function runningNode(root) {
  const { node: version } = process.versions;
  if (Number(version.split('.')[0]) >= 22) return { binary: process.execPath, version };
  const binary = packagedNode(root);
  if (binary !== undefined) {
    const { code, text } = await runProgram(binary, ['--version'], { limitMs: 20_000 });
    if (code === 0) return { binary, version: text.trim().replace(/^v/, '') };
  }
  const advice = 'install Node 22, or run `npm install` (in a clone) or `npm install node@22`, and try again';
  throw new SetupError('MELDMESH_SETUP_NODE', `meldmesh needs Node 22, and this is Node ${version}`, advice);
}

function packagedNode(root) {
  try {
    const manifest = createRequire(join(root, 'package.json')).resolve('node/package.json');
    const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
    return existsSync(binary) ? binary : undefined;
  } catch {
    return undefined;
  }
}
