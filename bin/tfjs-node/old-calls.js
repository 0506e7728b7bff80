// Replaces what tfjs-node calls of Node's `util` and Node is giving up: each thread that trains would print warnings.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const OLD_CALLS = [
  [/\(0, util_1\.isNullOrUndefined\)\((\w+)\)/g, '($1 == null)'],
  [/\(0, util_1\.isArray\)\(/g, 'Array.isArray('],
];
const CALLERS = [join('dist', 'nodejs_kernel_backend.js'), join('dist', 'kernels', 'TopK.js')];

/** `text` of JavaScript with today's words for them. */
export function modernText(text) {
  return OLD_CALLS.reduce((changed, [old, now]) => changed.replace(old, now), text);
}

/** Changes the package in `folder`, unless it was changed before. */
export async function modernize(folder) {
  for (const name of CALLERS) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8');
    const changed = modernText(text);
    if (changed !== text) await writeFile(file, changed);
  }
}
