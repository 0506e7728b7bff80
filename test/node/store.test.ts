// LevelDB behind the store port: the contract, and the ways in which a folder can fail.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MeldError } from '../../node/errors.ts';
import { type NodeStore, openStore, type StoreOptions } from '../../node/store/level-store.ts';
import { type StoreUnderTest, storeContract } from '../contracts/store.ts';

async function temporaryFolder(): Promise<string> {
  return await mkdtemp(join(tmpdir(), 'meldmesh-store-'));
}

async function underTest(folder: string): Promise<StoreUnderTest> {
  const store = await openStore({ folder });
  return {
    port: (deliver) => store.port(deliver),
    async reopen() {
      await store.close();
      return await underTest(folder);
    },
    async close() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
}

storeContract('LevelDB', async () => await underTest(await temporaryFolder()));

describe('a store folder', () => {
  let folder: string;
  const opened: NodeStore[] = [];
  beforeEach(async () => {
    folder = await temporaryFolder();
  });
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(options: Partial<StoreOptions> = {}): Promise<NodeStore> {
    const store = await openStore({ folder, ...options });
    opened.push(store);
    return store;
  }

  function fails(code: string): (error: MeldError) => boolean {
    return (error) => {
      assert.equal(error.code, code);
      assert.match(error.message, /^The store .+: .+\.$/);
      return true;
    };
  }

  it('is opened by one process at a time', async () => {
    await open();
    await assert.rejects(openStore({ folder }), fails('MELDMESH_STORE_LOCKED'));
  });

  it('of another schema version is refused, and so is a database that is not ours', async () => {
    const store = await open();
    await store.put('schema', Buffer.from('2'));
    await store.close();
    await assert.rejects(openStore({ folder }), fails('MELDMESH_STORE_SCHEMA'));
  });

  it('without a schema version but with keys is refused', async () => {
    const store = await open();
    await store.batch(
      [
        { key: 'k', value: Buffer.from('v') },
        { key: 'schema', value: undefined },
      ],
      true,
    );
    await store.close();
    await assert.rejects(openStore({ folder }), fails('MELDMESH_STORE_SCHEMA'));
  });

  it('that has lost its catalogue is called damaged', async () => {
    await (await open()).close();
    const files = await readdir(join(folder, 'db'));
    for (const file of files.filter((name) => name.startsWith('MANIFEST')))
      await rm(join(folder, 'db', file));
    await assert.rejects(openStore({ folder }), fails('MELDMESH_STORE_CORRUPT'));
  });

  it('that is a file is an access error', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await assert.rejects(openStore({ folder: file }), fails('MELDMESH_STORE_ACCESS'));
  });

  it('finishes outstanding writes when it is closed, and refuses later ones', async () => {
    const store = await open();
    const errors: (string | undefined)[] = [];
    const port = store.port((event) => {
      assert(event.kind === 'written');
      errors.push(event.error);
    });
    for (let index = 0; index < 20; index++) {
      port.write([{ key: `k${index}`, value: new Uint8Array(100_000) }], false, index);
    }
    await store.close();
    assert.deepEqual(errors, Array(20).fill(undefined));
    port.write([{ key: 'late', value: new Uint8Array(1) }], false, 21);
    await Promise.resolve();
    assert.match(errors[20] ?? '', /^MELDMESH_STORE_CLOSED/);
    const keys: string[] = [];
    for await (const key of (await open()).keys('k')) keys.push(key);
    assert.equal(keys.length, 20);
  });

  it('shares one commit among small writes that wait, and says which keys reached the disk', async () => {
    const batches: string[] = [];
    const onWrite = (stage: string, keys: readonly string[]): void => {
      batches.push(`${stage} ${keys.join(' ')}`);
    };
    const store = await open({ onWrite });
    const value = new Uint8Array(1);
    await Promise.all(['a', 'b', 'c'].map((key) => store.put(key, value)));
    assert.deepEqual(batches, ['writing a', 'written a', 'writing b c', 'written b c']);
  });

  it('iterates a prefix and gives space back after a deletion', async () => {
    const store = await open();
    const value = new Uint8Array(200_000).fill(1);
    for (let index = 0; index < 60; index++) await store.put(`chunk/${index % 10}${index}`, value);
    const before = await store.sizeBytes();
    for await (const [key, stored] of store.iterate('chunk/')) {
      assert.equal(stored.length, value.length);
      await store.del(key);
    }
    await store.compact();
    assert((await store.sizeBytes()) < before / 2);
    assert.equal(await store.get('schema').then((bytes) => bytes && Buffer.from(bytes).toString()), '1');
  });

  it('on a full disk fails with a code, keeps what it had, and writes nothing after the gap', () => {
    // A limit on the size of files fails the same write in the same place, and needs no disk of its own.
    const child = join(import.meta.dirname, 'full-disk-child.ts');
    const command = `ulimit -f 3000 && exec "${process.execPath}" "${child}" "${folder}"`;
    const report: unknown = JSON.parse(execFileSync('bash', ['-c', command], { encoding: 'utf8' }));
    assert.deepEqual(report, {
      code: 'MELDMESH_STORE_FULL',
      codeOfNext: 'MELDMESH_STORE_FULL',
      failuresReported: 1,
      firstIsThere: true,
      wroteSome: true,
    });
  });
});
