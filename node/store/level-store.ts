// The real `Store`: LevelDB in the folder `db` of a node's store folder. It keeps keys and bytes and does not know
// what they mean, but for one key of its own, the schema version.
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import type { PortEvent, Store, StoreWrite } from '../../protocols/index.ts';
import { MeldError } from '../errors.ts';
import { openError, storeError } from './store-errors.ts';
import { WriteQueue } from './write-queue.ts';

const SCHEMA_KEY = 'schema';
/** Rises when the meaning of any key changes; then a migration belongs beside this line. */
const SCHEMA_VERSION = '1';
/** Above every key, for ours are ASCII. */
const KEY_MAX = '\uffff';
/** Half of LevelDB's default: ten nodes on one machine should not hold 80 MiB of blocks. */
const CACHE_BYTES = 4 * 2 ** 20;

export interface StoreOptions {
  /** The node's store folder; made when missing. */
  readonly folder: string;
  /** Called around every batch that reaches the disk, before anybody hears of it; tests kill the process here. */
  readonly onWrite?: (stage: 'writing' | 'written', keys: readonly string[]) => void;
  /** Called once, with the first write that failed. Nothing is written after it. */
  readonly onFailure?: (error: MeldError) => void;
}

export interface NodeStore {
  readonly folder: string;
  /** One machine's view; `deliver` gets `written`, `read` and `scanned` events, never from inside a call. */
  port(deliver: (event: PortEvent) => void): Store;
  get(key: string): Promise<Uint8Array | undefined>;
  getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Atomic, after all writes asked for before. */
  batch(writes: readonly StoreWrite[], sync: boolean): Promise<void>;
  put(key: string, value: Uint8Array): Promise<void>;
  del(key: string): Promise<void>;
  /** Entries whose keys begin with `prefix`, ascending, as they are when the iteration begins. */
  iterate(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]>;
  keys(prefix: string): AsyncIterable<string>;
  /** Bytes of the database's files now; deleted entries count until they are compacted away. */
  sizeBytes(): Promise<number>;
  /** Gives the space of deleted entries back to the disk; takes seconds for large stores. */
  compact(): Promise<void>;
  /** Finishes all writes. Safe to call twice. */
  close(): Promise<void>;
}

/**
 * Opens or makes the store.
 * @throws MeldError MELDMESH_STORE_LOCKED, _FULL, _CORRUPT, _SCHEMA, _ACCESS or _FAILED
 */
export async function openStore(options: StoreOptions): Promise<NodeStore> {
  const { folder } = options;
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw storeError(folder, cause);
  }
  const db = new Level<string, Uint8Array>(join(folder, 'db'), {
    valueEncoding: 'view',
    compression: false,
    cacheSize: CACHE_BYTES,
  });
  try {
    await db.open();
    await checkSchema(db, folder);
  } catch (cause) {
    await db.close().catch(() => undefined);
    throw openError(folder, cause);
  }
  return new LevelStore(db, options);
}

async function checkSchema(db: Level<string, Uint8Array>, folder: string): Promise<void> {
  const value = await db.get(SCHEMA_KEY);
  const found = value === undefined ? undefined : Buffer.from(value).toString('latin1');
  if (found === SCHEMA_VERSION) return;
  const isEmpty = found === undefined && (await db.keys({ limit: 1 }).all()).length === 0;
  if (!isEmpty) {
    const text =
      found === undefined ? 'has no schema version' : `has schema version ${JSON.stringify(found)}`;
    throw new MeldError('MELDMESH_STORE_SCHEMA', `The store ${folder} ${text}, we read ${SCHEMA_VERSION}`);
  }
  await db.put(SCHEMA_KEY, Buffer.from(SCHEMA_VERSION), { sync: true });
}

class LevelStore implements NodeStore {
  readonly folder: string;
  readonly #db: Level<string, Uint8Array>;
  readonly #queue: WriteQueue;
  readonly #options: StoreOptions;
  #closing: Promise<void> | undefined;

  constructor(db: Level<string, Uint8Array>, options: StoreOptions) {
    this.folder = options.folder;
    this.#db = db;
    this.#options = options;
    this.#queue = new WriteQueue((writes, sync) => this.#commit(writes, sync));
  }

  port(deliver: (event: PortEvent) => void): Store {
    return {
      write: (batch, sync, ticket) => {
        this.#write(batch, sync, (error) => {
          deliver({ kind: 'written', ticket, error: error && this.#textOf(error) });
        });
      },
      read: (keys, ticket) => {
        this.getMany(keys).then(
          (values) => deliver({ kind: 'read', ticket, values, error: undefined }),
          (error: unknown) => deliver({ kind: 'read', ticket, values: [], error: this.#textOf(error) }),
        );
      },
      scan: (prefix, entriesMax, ticket) => {
        this.#scan(prefix, entriesMax).then(
          (entries) => deliver({ kind: 'scanned', ticket, entries, error: undefined }),
          (error: unknown) => deliver({ kind: 'scanned', ticket, entries: [], error: this.#textOf(error) }),
        );
      },
    };
  }

  async #scan(prefix: string, entriesMax: number): Promise<readonly { key: string; value: Uint8Array }[]> {
    this.#assertOpen();
    await this.#queue.drained();
    const entries = await this.#db.iterator({ ...rangeOf(prefix), limit: entriesMax }).all();
    return entries.map(([key, value]) => ({ key, value: plain(value) }));
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    const [value] = await this.getMany([key]);
    return value;
  }

  async getMany(keys: readonly string[]): Promise<readonly (Uint8Array | undefined)[]> {
    this.#assertOpen();
    const waiting = keys.map((key) => this.#queue.pending(key));
    const wanted = keys.filter((_, index) => !waiting[index].held);
    let stored: readonly (Uint8Array | undefined)[] = [];
    try {
      if (wanted.length > 0) stored = await this.#db.getMany(wanted);
    } catch (cause) {
      throw storeError(this.folder, cause);
    }
    let next = 0;
    return waiting.map(({ held, value }) => {
      const found = held ? value : stored[next++];
      return found && plain(found);
    });
  }

  batch(writes: readonly StoreWrite[], sync: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#write(writes, sync, (error) => (error === undefined ? resolve() : reject(error)));
    });
  }

  put(key: string, value: Uint8Array): Promise<void> {
    return this.batch([{ key, value }], false);
  }

  del(key: string): Promise<void> {
    return this.batch([{ key, value: undefined }], false);
  }

  async *iterate(prefix: string): AsyncIterable<readonly [key: string, value: Uint8Array]> {
    this.#assertOpen();
    await this.#queue.drained();
    for await (const [key, value] of this.#db.iterator(rangeOf(prefix))) yield [key, plain(value)];
  }

  async *keys(prefix: string): AsyncIterable<string> {
    this.#assertOpen();
    await this.#queue.drained();
    yield* this.#db.keys(rangeOf(prefix));
  }

  async sizeBytes(): Promise<number> {
    let total = 0;
    for (const name of await readdir(this.#db.location)) {
      // LevelDB may remove a file between the listing and this.
      const info = await stat(join(this.#db.location, name)).catch(() => undefined);
      total += info?.size ?? 0;
    }
    return total;
  }

  async compact(): Promise<void> {
    this.#assertOpen();
    await this.#queue.drained();
    await compactRange(this.#db);
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.drained().then(() => this.#db.close());
    return this.#closing;
  }

  #write(batch: readonly StoreWrite[], sync: boolean, settle: (error: Error | undefined) => void): void {
    if (this.#closing === undefined) this.#queue.push(batch, sync, settle);
    else queueMicrotask(() => settle(closedError(this.folder)));
  }

  async #commit(writes: readonly StoreWrite[], sync: boolean): Promise<void> {
    const keys = writes.map(({ key }) => key);
    this.#options.onWrite?.('writing', keys);
    try {
      await this.#db.batch(writes.map(operationOf), { sync });
    } catch (cause) {
      const error = storeError(this.folder, cause);
      this.#options.onFailure?.(error);
      throw error;
    }
    this.#options.onWrite?.('written', keys);
  }

  #textOf(cause: unknown): string {
    const error = storeError(this.folder, cause);
    return `${error.code}: ${error.message}`;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closedError(this.folder);
  }
}

type Operation = { type: 'put'; key: string; value: Uint8Array } | { type: 'del'; key: string };

function operationOf({ key, value }: StoreWrite): Operation {
  return value === undefined ? { type: 'del', key } : { type: 'put', key, value };
}

function rangeOf(prefix: string): { gte: string; lt: string } {
  return { gte: prefix, lt: prefix + KEY_MAX };
}

/** LevelDB gives Buffers, whose `slice` would not copy. */
function plain(value: Uint8Array): Uint8Array {
  return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

function closedError(folder: string): MeldError {
  return new MeldError('MELDMESH_STORE_CLOSED', `The store ${folder} is closed`);
}

/** `level` declares only what browsers can do too; in Node it is `classic-level`, which has this. */
async function compactRange(db: Level<string, Uint8Array>): Promise<void> {
  const range: unknown = Reflect.get(db, 'compactRange');
  if (typeof range === 'function') await range.call(db, '', KEY_MAX);
}
