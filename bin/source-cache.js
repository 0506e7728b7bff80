// Loads the TypeScript of a clone through a cache of its stripped form. Node strips types by itself, but its
// stripper is WASM that takes some 30 MiB and 0.2 s of each process; ten nodes on one machine should pay once.
// Entries are named by the hash of what they were made from, so nothing in the cache is ever out of date.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const root = new URL('../', import.meta.url).href;
const folder = fileURLToPath(new URL(`node_modules/.cache/meldmesh/${process.version}/`, root));

registerHooks({
  load(url, context, nextLoad) {
    const isOurs = url.startsWith(root) && url.endsWith('.ts') && !url.includes('/node_modules/');
    return isOurs ? { format: 'module', source: stripped(url), shortCircuit: true } : nextLoad(url, context);
  },
});

/** Positions stay: the stripper puts blanks where types were. */
function stripped(url) {
  const source = readFileSync(fileURLToPath(url), 'utf8');
  const file = folder + createHash('sha256').update(source).digest('hex');
  try {
    return readFileSync(file, 'utf8');
  } catch {
    const code = quietly(() => stripTypeScriptTypes(source));
    keep(file, code);
    return code;
  }
}

/** Node calls the function experimental once a process; that it works is what our tests say. */
function quietly(run) {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return run();
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** A cache that cannot be written costs time, nothing else. */
function keep(file, code) {
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.${process.pid}`, code);
    renameSync(`${file}.${process.pid}`, file);
  } catch {}
}
