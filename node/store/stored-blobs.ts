// Blobs of a store that no machine is running on: read whole, checked, or written. It knows nobody to pull them from.
import {
  blobHashOf,
  chunkKey,
  decodeList,
  type Hash,
  listKey,
  listOf,
  type StoreWrite,
  writesOf,
} from '../../protocols/index.ts';
import { hashOf } from '../hash.ts';
import type { NodeStore } from './level-store.ts';

/** Chunks read in one go: 4 MiB. */
const READ_WINDOW = 16;

/** The bytes, or `undefined` where the list or a chunk is missing or damaged. */
export async function readBlob(store: NodeStore, blob: Hash): Promise<Uint8Array | undefined> {
  const listBytes = await store.get(listKey(blob));
  const list = listBytes === undefined ? undefined : decodeList(listBytes);
  if (list === undefined || blobHashOf(list, hashOf) !== blob) return undefined;
  const bytes = new Uint8Array(list.size);
  let at = 0;
  for (let first = 0; first < list.chunks.length; first += READ_WINDOW) {
    const chunks = list.chunks.slice(first, first + READ_WINDOW);
    const values = await store.getMany(chunks.map(chunkKey));
    for (const [index, value] of values.entries()) {
      if (value === undefined || hashOf(value) !== chunks[index] || at + value.length > list.size)
        return undefined;
      bytes.set(value, at);
      at += value.length;
    }
  }
  return at === list.size ? bytes : undefined;
}

/** The hash of these bytes as a blob, and the writes that keep them. */
export function blobWrites(bytes: Uint8Array): {
  readonly blob: Hash;
  readonly batch: readonly StoreWrite[];
} {
  const list = listOf(bytes, hashOf);
  const blob = blobHashOf(list, hashOf);
  return { blob, batch: writesOf(bytes, list, blob) };
}
