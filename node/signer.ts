// The real `Signer`: Ed25519 and SHA-256 of node:crypto, all synchronous. An author's public key lies inside its
// peer id (identity multihash), so nothing is looked up. It does not know what it signs.
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { peerIdFromString } from '@libp2p/peer-id';
import type { PeerId, Signer } from '../protocols/index.ts';
import { hashOf } from './hash.ts';
import type { Identity } from './identity.ts';

/** Parsed keys kept; more authors than `limits.contributorsMax` of most meshes. */
const KEYS_MAX = 1_024;
const SIGNATURE_BYTES = 64;
const PEER_ID_LENGTH_MAX = 128;
/** An Ed25519 private key in PKCS #8 (RFC 8410) is this and the 32-byte seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Signs with the identity's key and verifies any author's signature; malformed input is simply false. */
export function createSigner(identity: Pick<Identity, 'peerId' | 'seed'>): Signer {
  const privateKey = createPrivateKey({
    key: Buffer.concat([PKCS8_PREFIX, identity.seed]),
    format: 'der',
    type: 'pkcs8',
  });
  return {
    self: identity.peerId,
    sign: (bytes) => new Uint8Array(sign(null, bytes, privateKey)),
    verify: createVerifier(),
    hash: hashOf,
  };
}

/** Verifies anybody's signature; needs no key of one's own. */
export function createVerifier(): Signer['verify'] {
  const keys = new Map<PeerId, KeyObject>();
  return (author, bytes, signature) => {
    if (signature.length !== SIGNATURE_BYTES) return false;
    const key = cachedKey(keys, author);
    return key !== undefined && verify(null, bytes, key, signature);
  };
}

/** The 32 bytes inside a peer id; `undefined` unless it is the usual text of an Ed25519 key. */
export function publicKeyOf(author: string): Uint8Array | undefined {
  if (author.length > PEER_ID_LENGTH_MAX) return undefined;
  try {
    const peerId = peerIdFromString(author);
    if (peerId.type !== 'Ed25519' || peerId.toString() !== author) return undefined;
    return peerId.publicKey.raw;
  } catch {
    return undefined;
  }
}

/** Oldest use leaves first, for a Map keeps the order of insertion. */
function cachedKey(keys: Map<PeerId, KeyObject>, author: PeerId): KeyObject | undefined {
  const key = keys.get(author) ?? keyObjectOf(author);
  if (key === undefined) return undefined;
  keys.delete(author);
  keys.set(author, key);
  const [oldest] = keys.keys();
  if (keys.size > KEYS_MAX) keys.delete(oldest);
  return key;
}

function keyObjectOf(author: PeerId): KeyObject | undefined {
  const raw = publicKeyOf(author);
  if (raw === undefined) return undefined;
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(raw).toString('base64url') };
  return createPublicKey({ key: jwk, format: 'jwk' });
}
