// Compiles the kernels of the robust means to WebAssembly with the clang that npm brings and writes them into
// ../wasm-bytes.ts: `npm run build:kernels`. A test compiles them again and compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { runClang } from '@yowasp/clang';

const SOURCE = 'columns.c';
const folder = new URL('./', import.meta.url);

// No relaxed SIMD: its fused multiply-add rounds otherwise on other processors. -O3 unrolls the tiles.
const FLAGS = [
  '--target=wasm32',
  '-std=c17',
  '-O3',
  '-ffp-contract=off',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-msimd128',
  '-ffreestanding',
  '-nostdlib',
  '-Wl,--no-entry',
  '-Wl,--import-memory',
  '-Wl,--export=__stack_pointer',
  '-Wl,--strip-all',
];

/** @returns {Promise<Uint8Array>} */
export async function compileKernels() {
  const files = { [SOURCE]: readFileSync(new URL(SOURCE, folder), 'utf8') };
  const written = await runClang(['clang', ...FLAGS, SOURCE, '-o', 'columns.wasm'], files, {
    fetchProgress: () => {},
  });
  return written['columns.wasm'];
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
