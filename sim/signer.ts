// Signatures that cost one hash. An author's secret stays with the registry of the world, so only the author can sign, and
// a forgery is refused as a real one is; what is simulated is the mathematics, not the promise.
import { createHash } from 'node:crypto';
import type { PeerId, Signer } from '../protocols/index.ts';
import { hashOf } from './hash.ts';

/** As long as those of Ed25519, for the bytes on the wire are counted. */
const SIGNATURE_BYTES = 64;

export class SignerRegistry {
  readonly #secrets = new Map<PeerId, string>();

  /** The signer of a peer; `secret` is the world's own. */
  create(self: PeerId, secret: string): Signer {
    this.#secrets.set(self, secret);
    return {
      self,
      sign: (bytes) => signature(secret, bytes),
      verify: (author, bytes, claimed) => this.#verify(author, bytes, claimed),
      hash: hashOf,
    };
  }

  #verify(author: PeerId, bytes: Uint8Array, claimed: Uint8Array): boolean {
    const secret = this.#secrets.get(author);
    if (secret === undefined || claimed.length !== SIGNATURE_BYTES) return false;
    return Buffer.compare(signature(secret, bytes), claimed) === 0;
  }
}

function signature(secret: string, bytes: Uint8Array): Uint8Array {
  return new Uint8Array(createHash('sha512').update(secret).update(bytes).digest());
}
