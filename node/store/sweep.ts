// Mark and sweep: forgets blobs and chunks that nothing in the store refers to. What a crash left half written
// and what unfinished fetches brought goes too; it can be had again.
import { decodeList, decodeOwn, OWN_KEY, type StoreWrite } from '../../protocols/index.ts';
import { readForeignRow } from '../foreign-row.ts';
import type { MeshHistory } from '../mesh-history.ts';
import type { NodeStore } from './level-store.ts';

const LIST_PREFIX = 'blob/';
const CHUNK_PREFIX = 'chunk/';
/** Deletions in one batch, so that the event loop and LevelDB breathe in between. */
const SLICE = 512;

export interface Swept {
  readonly blobs: number;
  readonly chunks: number;
}

export async function sweep(store: NodeStore, history: MeshHistory): Promise<Swept> {
  const own = await store.get(OWN_KEY);
  const state = own === undefined ? undefined : decodeOwn(own)?.state;
  const kept = (await readForeignRow(store))?.kept;
  const blobs = new Set<string>([
    ...(kept === undefined ? [] : [kept]),
    ...history.records.map(({ payload }) => payload),
    ...history.snapshots.map(({ blob }) => blob),
    ...(state === undefined ? [] : [state]),
  ]);
  // The manifest is a chunk without a list.
  const chunks = new Set<string>([history.meshId]);
  const staleLists: string[] = [];
  for await (const [key, value] of store.iterate(LIST_PREFIX)) {
    if (!blobs.has(key.slice(LIST_PREFIX.length))) staleLists.push(key);
    else for (const chunk of decodeList(value)?.chunks ?? []) chunks.add(chunk);
  }
  const staleChunks: string[] = [];
  for await (const key of store.keys(CHUNK_PREFIX)) {
    if (!chunks.has(key.slice(CHUNK_PREFIX.length))) staleChunks.push(key);
  }
  // Lists first: a list without its chunks would be a lie.
  await deleteAll(store, staleLists);
  await deleteAll(store, staleChunks);
  return { blobs: staleLists.length, chunks: staleChunks.length };
}

/** In slices; the last one of each call is synced. */
export async function deleteAll(store: NodeStore, keys: readonly string[]): Promise<void> {
  for (let first = 0; first < keys.length; first += SLICE) {
    const batch: StoreWrite[] = keys.slice(first, first + SLICE).map((key) => ({ key, value: undefined }));
    await store.batch(batch, first + SLICE >= keys.length);
  }
}
