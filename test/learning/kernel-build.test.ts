import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { compileKernels } from '../../learning/kernels/c/build.js';
import { wasmBase64 } from '../../learning/kernels/wasm-bytes.ts';

const root = new URL('../../', import.meta.url);

/** A file that is there when these sources, flags, compiler and bytes have been found equal already. */
function proofFile(): URL {
  const sources = new URL('learning/kernels/c/', root);
  const hash = createHash('sha256').update(wasmBase64);
  for (const name of readdirSync(sources).sort())
    hash.update(name).update(readFileSync(new URL(name, sources)));
  hash.update(readFileSync(new URL('node_modules/@yowasp/clang/package.json', root)));
  return new URL(`node_modules/.cache/meldmesh/kernels-${hash.digest('hex')}`, root);
}

describe('the WebAssembly of the kernels', () => {
  it('is what its sources compile to, byte for byte', async function () {
    this.timeout(120_000);
    // The compiler takes as long as a fifth of all fast tests.
    const proof = proofFile();
    if (existsSync(proof)) return;
    const bytes = await compileKernels();
    assert.equal(Buffer.from(bytes).toString('base64'), wasmBase64, 'run `npm run build:kernels`');
    mkdirSync(new URL('./', proof), { recursive: true });
    writeFileSync(proof, '');
  });

  it('has no data of its own, so that it may live in a memory that belongs to somebody else', () => {
    const bytes = Buffer.from(wasmBase64, 'base64');
    assert.equal(bytes.toString('latin1', 0, 4), '\0asm');
    const sections: number[] = [];
    for (let at = 8; at < bytes.length; ) {
      sections.push(bytes[at]);
      let size = 0;
      let shift = 0;
      do {
        at++;
        size |= (bytes[at] & 0x7f) << shift;
        shift += 7;
      } while (bytes[at] >= 0x80);
      at += 1 + size;
    }
    const DATA = 11;
    const START = 8;
    assert(sections.includes(10), 'there is code');
    assert(!sections.includes(DATA) && !sections.includes(START), `${sections}`);
  });
});
