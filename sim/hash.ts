// SHA-256 for simulated peers: the same hashes as real ones, so that ids and digests are the same bits in both worlds.
import { createHash } from 'node:crypto';
import type { Hash } from '../protocols/index.ts';

/** SHA-256 over the parts, one after the other. */
export function hashOf(...parts: readonly Uint8Array[]): Hash {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex') as Hash;
}
