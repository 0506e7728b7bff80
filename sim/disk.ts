// The simulated `Store`: a disk in memory that can be crashed, filled up and opened again. It writes its log in
// order, as LevelDB does: a synced batch makes all earlier ones durable, a crash loses a tail of the others.
import assert from 'node:assert/strict';
import type { PortEvent, Store, StoreWrite } from '../protocols/index.ts';

export interface SimDiskOptions {
  /** How answers come: later, never inside the call. */
  readonly defer: (run: () => void) => void;
  /** The write with this number (from 1) never happens: the disk crashes instead and `onCrash` is called. */
  readonly crashAtWrite?: number;
  readonly onCrash?: () => void;
  /** A write that would bring the values above this fails, and so does every later one until it is opened anew. */
  readonly bytesMax?: number;
}

export class SimDisk {
  readonly #options: SimDiskOptions;
  readonly #durable = new Map<string, Uint8Array>();
  /** Written, answered perhaps, and lost in a crash. */
  #unsynced: (readonly StoreWrite[])[] = [];
  #view = new Map<string, Uint8Array>();
  #session = 0;
  #writes = 0;
  #isFull = false;

  constructor(options: SimDiskOptions) {
    this.#options = options;
  }

  /** Batches written so far, over all openings. */
  get writes(): number {
    return this.#writes;
  }

  /** What a reader would see now. */
  get entries(): ReadonlyMap<string, Uint8Array> {
    return this.#view;
  }

  /** Damages a stored value: its last byte is flipped. */
  damage(key: string): void {
    const value = this.#view.get(key);
    assert(value !== undefined && value.length > 0, `nothing stored at ${key}`);
    value[value.length - 1] ^= 0xff;
  }

  /** Power is cut: the first `keptBatches` unsynced batches happen to survive. No answer comes any more. */
  crash(keptBatches = 0): void {
    this.#session++;
    for (const batch of this.#unsynced.slice(0, keptBatches)) apply(this.#durable, batch);
    this.#unsynced = [];
    this.#view = new Map(Array.from(this.#durable, ([key, value]) => [key, value.slice()]));
  }

  /** One machine's store. */
  port(deliver: (event: PortEvent) => void): Store {
    this.#isFull = false;
    const session = this.#session;
    const later = (event: PortEvent): void => {
      this.#options.defer(() => {
        if (session === this.#session) deliver(event);
      });
    };
    return {
      write: (batch, sync, ticket) => {
        if (session !== this.#session) return;
        if (this.#writes + 1 === this.#options.crashAtWrite) {
          this.#writes++;
          this.crash();
          this.#options.onCrash?.();
          return;
        }
        later({ kind: 'written', ticket, error: this.#write(batch, sync) });
      },
      read: (keys, ticket) => {
        const values = keys.map((key) => this.#view.get(key)?.slice());
        later({ kind: 'read', ticket, values, error: undefined });
      },
      scan: (prefix, entriesMax, ticket) => {
        const keys = [...this.#view.keys()].filter((key) => key.startsWith(prefix)).sort();
        const entries = keys
          .slice(0, entriesMax)
          .map((key) => ({ key, value: (this.#view.get(key) ?? new Uint8Array(0)).slice() }));
        later({ kind: 'scanned', ticket, entries, error: undefined });
      },
    };
  }

  #write(batch: readonly StoreWrite[], sync: boolean): string | undefined {
    const { bytesMax } = this.#options;
    if (bytesMax !== undefined && this.#bytes() + bytesOf(batch) > bytesMax) this.#isFull = true;
    if (this.#isFull) return 'MELDMESH_STORE_FULL: the disk is full';
    this.#writes++;
    const copy = batch.map(({ key, value }) => ({ key, value: value && new Uint8Array(value) }));
    apply(this.#view, copy);
    this.#unsynced.push(copy.map(({ key, value }) => ({ key, value: value?.slice() })));
    if (sync) {
      for (const earlier of this.#unsynced) apply(this.#durable, earlier);
      this.#unsynced = [];
    }
    return undefined;
  }

  #bytes(): number {
    let total = 0;
    for (const value of this.#view.values()) total += value.length;
    return total;
  }
}

function apply(entries: Map<string, Uint8Array>, batch: readonly StoreWrite[]): void {
  for (const { key, value } of batch) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
}

function bytesOf(batch: readonly StoreWrite[]): number {
  return batch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}
