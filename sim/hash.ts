// SHA-256 for simulated peers: the same hashes as real ones, so that ids and digests are the same bits in both worlds.
import { createHash } from 'node:crypto';
import type { Hash } from '../protocols/index.ts';

/** Of memory that other threads have written, by place and length. */
const known = new WeakMap<ArrayBufferLike, ReadonlyMap<string, Hash>>();

const placeOf = ({ byteOffset, length }: Uint8Array): string => `${byteOffset} ${length}`;

/** SHA-256 over the UTF-8 of a text. */
export const hashOfText = (text: string): Hash => createHash('sha256').update(text).digest('hex') as Hash;

/** SHA-256 over the parts, one after the other. */
export function hashOf(...parts: readonly Uint8Array[]): Hash {
  const [first] = parts;
  if (parts.length === 1 && first.buffer instanceof SharedArrayBuffer) {
    const hash = known.get(first.buffer)?.get(placeOf(first));
    if (hash !== undefined) return hash;
  }
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex') as Hash;
}

/** Another thread has hashed these parts of one shared memory; forgets what was known of it before. */
export function knowHashes(
  memory: SharedArrayBuffer,
  parts: readonly Uint8Array[],
  hashes: readonly Hash[],
): void {
  known.set(memory, new Map(parts.map((part, i) => [placeOf(part), hashes[i]])));
}

/** SHA-256 over the first part, and over both, one after the other; each byte is looked at once. */
export function hashesOf(first: Uint8Array, second: Uint8Array): readonly [Hash, Hash] {
  const hash = createHash('sha256').update(first);
  const both = hash.copy().update(second);
  return [hash.digest('hex') as Hash, both.digest('hex') as Hash];
}
