// Compiles the kernels to WebAssembly with the clang that npm brings, so that everybody gets the same bytes, and writes
// them into ../wasm-bytes.ts: `npm run build:kernels`. A test compiles them again and compares.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runClang } from '@yowasp/clang';

const folder = new URL('./', import.meta.url);

// -O2: the same speed as -O3 at half the size; -Os and no unrolling keep the tiles in memory, four times slower.
const FLAGS = [
  '--target=wasm32',
  '-std=c17',
  '-O2',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-msimd128',
  '-mrelaxed-simd',
  '-mbulk-memory',
  '-ffreestanding',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--import-memory',
  '-Wl,--export=__stack_pointer',
  '-Wl,--strip-all',
];

/** @returns {Promise<Uint8Array>} */
export async function compileKernels() {
  const sources = readdirSync(folder).filter((name) => /\.[ch]$/.test(name));
  const files = Object.fromEntries(
    sources.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]),
  );
  const written = await runClang(['clang', ...FLAGS, 'kernels.c', '-o', 'kernels.wasm'], files, {
    fetchProgress: () => {},
  });
  return written['kernels.wasm'];
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const bytes = await compileKernels();
  const text = `// Made from c/ by \`npm run build:kernels\`; not edited by hand.
export const wasmBase64 =
  '${Buffer.from(bytes).toString('base64')}';
`;
  writeFileSync(new URL('../wasm-bytes.ts', folder), text);
  console.log(`${bytes.length} bytes of WebAssembly`);
}
