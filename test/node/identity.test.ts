// Who a node is, and what its key signs.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicKeyFromRaw } from '@libp2p/crypto/keys';
import type { MeldError } from '../../node/errors.ts';
import { identityFromSeed, loadIdentity } from '../../node/identity.ts';
import { createSigner, publicKeyOf } from '../../node/signer.ts';
import { signerContract } from '../contracts/signer.ts';

signerContract('Ed25519', async () => createSigner(await identityFromSeed(randomBytes(32))));

describe('an identity', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meldmesh-identity-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const fails = (code: string) => (error: MeldError) => error.code === code;

  it('is drawn once, kept in a file for its owner alone, and found again', async () => {
    const first = await loadIdentity({ folder });
    const info = await stat(join(folder, 'identity.key'));
    assert.equal(info.mode & 0o777, 0o600);
    const again = await loadIdentity({ folder });
    assert.equal(again.peerId, first.peerId);
    assert.match(first.peerId, /^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/);
    assert.deepEqual(await readdir(folder), ['identity.key']);
  });

  it('is one key even when several processes start at once', async () => {
    const all = await Promise.all(Array.from({ length: 8 }, () => loadIdentity({ folder })));
    assert.equal(new Set(all.map(({ peerId }) => peerId)).size, 1);
    assert.deepEqual(await readdir(folder), ['identity.key']);
  });

  it('comes from a seed when one is given, and refuses another seed later', async () => {
    const seed = new Uint8Array(32).fill(1);
    const stored = await loadIdentity({ folder, seed });
    assert.equal(stored.peerId, (await identityFromSeed(seed)).peerId);
    assert.equal((await loadIdentity({ folder })).peerId, stored.peerId);
    const other = loadIdentity({ folder, seed: new Uint8Array(32).fill(2) });
    await assert.rejects(other, fails('MELDMESH_IDENTITY_DIFFERS'));
    await assert.rejects(identityFromSeed(new Uint8Array(31)), fails('MELDMESH_OPTIONS'));
  });

  it('in a damaged file is an error, never silently another one', async () => {
    await writeFile(join(folder, 'identity.key'), 'ed25519 1234');
    await assert.rejects(loadIdentity({ folder }), fails('MELDMESH_IDENTITY_UNREADABLE'));
  });

  it('signs as libp2p does with the same key, so that either can verify the other', async () => {
    const identity = await identityFromSeed(new Uint8Array(32).fill(7));
    const signer = createSigner(identity);
    const message = Buffer.from('a record');
    assert.deepEqual(signer.sign(message), new Uint8Array(await identity.privateKey.sign(message)));
    const raw = publicKeyOf(identity.peerId);
    assert(raw !== undefined);
    assert.equal(await publicKeyFromRaw(raw).verify(message, signer.sign(message)), true);
  });

  it('verifies many more authors than it keeps keys of', async () => {
    const signer = createSigner(await identityFromSeed(new Uint8Array(32)));
    const message = Buffer.from('m');
    const seedOf = (index: number): Buffer => createHmac('sha256', 'author').update(`${index}`).digest();
    for (const round of [0, 1]) {
      for (let index = 0; index < 1_100; index += round === 0 ? 1 : 100) {
        const author = createSigner(await identityFromSeed(seedOf(index)));
        assert.equal(signer.verify(author.self, message, author.sign(message)), true);
      }
    }
  });
});
