// What every `Signer` promises. Run on node:crypto and on the simulated one.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { PeerId, Signer } from '../../protocols/index.ts';

/** Registers the suite. `make` gives another member each time. */
export function signerContract(name: string, make: () => Promise<Signer>): void {
  describe(`the signer contract: ${name}`, () => {
    const message = new TextEncoder().encode('a record');

    it('verifies what a member signed, by everybody, under that name alone', async () => {
      const [alice, bob] = [await make(), await make()];
      assert.notEqual(alice.self, bob.self);
      const signature = alice.sign(message);
      assert.equal(bob.verify(alice.self, message, signature), true);
      assert.equal(bob.verify(bob.self, message, signature), false);
    });

    it('signs the same bytes the same way', async () => {
      const alice = await make();
      assert.deepEqual(alice.sign(message), alice.sign(message.slice()));
    });

    it('is false for any changed byte of message or signature', async () => {
      const alice = await make();
      const signature = alice.sign(message);
      for (let index = 0; index < signature.length; index++) {
        const changed = signature.slice();
        changed[index] ^= 1;
        assert.equal(alice.verify(alice.self, message, changed), false, `signature byte ${index}`);
      }
      const other = message.slice();
      other[0] ^= 1;
      assert.equal(alice.verify(alice.self, other, signature), false);
    });

    it('is false, never a throw, for malformed authors and signatures', async () => {
      const alice = await make();
      const signature = alice.sign(message);
      const authors = [
        '',
        'x',
        '12D3KooW',
        `${alice.self}1`,
        alice.self.slice(0, -1),
        '1'.repeat(5_000),
        'Qm',
      ];
      for (const author of authors) {
        assert.equal(alice.verify(author as PeerId, message, signature), false, author);
      }
      for (const length of [0, 1, signature.length - 1, signature.length + 1, 5_000]) {
        assert.equal(alice.verify(alice.self, message, new Uint8Array(length)), false, `${length} bytes`);
      }
    });

    it('hashes by SHA-256 over all parts, one after the other', async () => {
      const alice = await make();
      const expected = createHash('sha256').update('abc').digest('hex');
      const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
      assert.equal(alice.hash(encode('a'), encode(''), encode('bc')), expected);
      assert.equal(alice.hash(), createHash('sha256').digest('hex'));
    });
  });
}
