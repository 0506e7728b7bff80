// Run by store.test.ts under a limit on the size of files: fills a store until it fails, and reports how.
import { MeldError } from '../../node/errors.ts';
import { openStore } from '../../node/store/level-store.ts';

const [folder] = process.argv.slice(2);
let failuresReported = 0;
const store = await openStore({ folder, onFailure: () => failuresReported++ });
const value = new Uint8Array(500_000).fill(7);

async function codeOf(write: Promise<void>): Promise<string | undefined> {
  try {
    await write;
    return undefined;
  } catch (error) {
    return error instanceof MeldError ? error.code : String(error);
  }
}

let written = 0;
let code: string | undefined;
while (code === undefined && written < 100) {
  code = await codeOf(store.batch([{ key: `k${written}`, value }], true));
  written++;
}
const codeOfNext = await codeOf(store.put('small', new Uint8Array(1)));
const first = await store.get('k0');
const firstIsThere = first !== undefined && Buffer.from(first).equals(value);
console.log(JSON.stringify({ code, codeOfNext, failuresReported, firstIsThere, wroteSome: written > 1 }));
await store.close();
