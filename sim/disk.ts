// The simulated `Store`: a disk in memory that can lose its power, fill up, rot and be opened again. It writes its log in
// order, as LevelDB does: a synced batch makes all earlier ones durable; when the power goes a tail of the others is lost,
// and the batch that was being written is there whole or not at all.
import assert from 'node:assert/strict';
import { OWN_KEY, type PortEvent, type Store, type StoreWrite } from '../protocols/index.ts';
import { InternTable } from './intern-table.ts';

export interface SimDiskOptions {
  /** How answers come: later, never inside the call. */
  readonly defer: (run: () => void) => void;
  /** The power goes at the write with this number (from 1): it never happens, and `onCrash` is called. */
  readonly crashAtWrite?: number;
  readonly onCrash?: () => void;
  /** A write that would bring the values above this fails, and so does every later one until it is opened anew. */
  readonly bytesMax?: number;
  /** Where equal values of many disks are kept once. Default: a table of its own. */
  readonly values?: InternTable;
  /** Shared memory in which values of own work lay, when neither a reader nor a restart can find one there any more. */
  readonly onDropped?: (memory: ArrayBufferLike) => void;
}

interface PowerCut {
  readonly write: number;
  readonly cut: (unsyncedBatches: number) => void;
}

export class SimDisk {
  readonly #defer: SimDiskOptions['defer'];
  readonly #values: InternTable;
  /** Values are shared with the view and with other disks: they are replaced, never changed. */
  readonly #durable = new Map<string, Uint8Array>();
  /** Written, answered perhaps, and lost in a crash. */
  #unsynced: (readonly StoreWrite[])[] = [];
  #view = new Map<string, Uint8Array>();
  #viewBytes = 0;
  #session = 0;
  #writes = 0;
  #bytesMax: number;
  #isFull = false;
  #powerCut: PowerCut | undefined;
  readonly #holdings: Holdings;

  constructor(options: SimDiskOptions) {
    const { defer, crashAtWrite, onCrash, bytesMax = Number.POSITIVE_INFINITY, values, onDropped } = options;
    this.#defer = defer;
    this.#holdings = new Holdings(onDropped);
    this.#values = values ?? new InternTable();
    this.#bytesMax = bytesMax;
    if (crashAtWrite !== undefined) {
      this.cutPowerAt(crashAtWrite, () => {
        this.crash();
        onCrash?.();
      });
    }
  }

  /** Batches written so far, over all openings. */
  get writes(): number {
    return this.#writes;
  }

  /** What a reader would see now. */
  get entries(): ReadonlyMap<string, Uint8Array> {
    return this.#view;
  }

  /** A write has failed for want of room; true until the disk is opened anew. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** From now on it takes so many bytes of values; Infinity when there is room again. */
  limit(bytesMax: number): void {
    this.#bytesMax = bytesMax;
  }

  /** Damages a stored value: its last byte is flipped, on the medium too. */
  damage(key: string): void {
    const value = this.#view.get(key);
    assert(value !== undefined && value.length > 0, `nothing stored at ${key}`);
    const damaged = value.slice();
    damaged[damaged.length - 1] ^= 0xff;
    this.#view.set(key, damaged);
    if (this.#durable.has(key)) this.#durable.set(key, damaged);
  }

  /**
   * The power goes while the write with this number (from 1) is under way. `cut` must `crash` this disk; it is told how
   * many batches are not synced, the one under way among them, so that it can decide how many of them survive.
   */
  cutPowerAt(write: number, cut: (unsyncedBatches: number) => void): void {
    this.#powerCut = { write, cut };
  }

  /** Power is cut: the first `keptBatches` unsynced batches happen to survive. No answer comes any more. */
  crash(keptBatches = 0): void {
    this.#session++;
    for (const batch of this.#unsynced.slice(0, keptBatches)) this.#apply(this.#durable, batch);
    for (const batch of this.#unsynced) this.#holdings.drop(batch);
    this.#unsynced = [];
    this.#holdings.drop([...this.#view].map(([, value]) => ({ value })));
    this.#view = new Map(this.#durable);
    this.#holdings.take([...this.#view].map(([, value]) => ({ value })));
    this.#holdings.settle();
    this.#viewBytes = 0;
    for (const value of this.#view.values()) this.#viewBytes += value.length;
  }

  /** One machine's store. */
  port(deliver: (event: PortEvent) => void): Store {
    this.#isFull = false;
    const session = this.#session;
    const later = (event: PortEvent): void => {
      this.#defer(() => {
        if (session === this.#session) deliver(event);
      });
    };
    return {
      write: (batch, sync, ticket) => {
        if (session !== this.#session) return;
        const error = this.#write(batch, sync);
        // Not where this very write was the last one.
        if (session === this.#session) later({ kind: 'written', ticket, error });
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
    if (this.#viewBytes + bytesOf(batch) > this.#bytesMax) this.#isFull = true;
    if (this.#isFull) return 'MELDMESH_STORE_FULL: the disk is full';
    this.#writes++;
    // Own work comes with the learner's state, which is large and nobody else's.
    const isOwn = batch.some(({ key }) => key === OWN_KEY);
    const keep = (key: string, value: Uint8Array): Uint8Array =>
      isOwn ? this.#values.keepAlone(value) : this.#values.keep(key, value);
    const kept = batch.map(({ key, value }) => ({ key, value: value && keep(key, value) }));
    this.#unsynced.push(kept);
    if (isOwn) this.#holdings.take(kept);
    if (this.#writes === this.#powerCut?.write) {
      const { cut } = this.#powerCut;
      const session = this.#session;
      this.#powerCut = undefined;
      cut(this.#unsynced.length);
      assert(session !== this.#session, 'whoever cuts the power crashes the disk');
      return undefined;
    }
    this.#viewBytes += this.#apply(this.#view, kept);
    if (sync) {
      for (const earlier of this.#unsynced) {
        this.#apply(this.#durable, earlier);
        this.#holdings.drop(earlier);
      }
      this.#unsynced = [];
      this.#holdings.settle();
    }
    return undefined;
  }

  /** Gives by how many bytes the values have grown. */
  #apply(entries: Map<string, Uint8Array>, batch: readonly StoreWrite[]): number {
    let grown = 0;
    for (const { key, value } of batch) {
      const before = entries.get(key);
      grown += (value?.length ?? 0) - (before?.length ?? 0);
      this.#holdings.replace(before, value);
      if (value === undefined) entries.delete(key);
      else entries.set(key, value);
    }
    return grown;
  }
}

/** How many values on the medium, in the view and in batches between lie in each shared memory. */
class Holdings {
  readonly #onDropped: SimDiskOptions['onDropped'];
  readonly #counts = new Map<ArrayBufferLike, number>();
  readonly #empty = new Set<ArrayBufferLike>();

  constructor(onDropped: SimDiskOptions['onDropped']) {
    this.#onDropped = onDropped;
  }

  take(batch: readonly Pick<StoreWrite, 'value'>[]): void {
    for (const { value } of batch) this.replace(undefined, value);
  }

  drop(batch: readonly Pick<StoreWrite, 'value'>[]): void {
    if (this.#counts.size === 0) return;
    for (const { value } of batch) this.replace(value, undefined);
  }

  replace(before: Uint8Array | undefined, after: Uint8Array | undefined): void {
    if (this.#onDropped === undefined) return;
    if (after !== undefined) this.#count(after.buffer, 1);
    if (before !== undefined) this.#count(before.buffer, -1);
  }

  /** Everything has its place again: what has none is told. */
  settle(): void {
    for (const memory of this.#empty) {
      this.#counts.delete(memory);
      this.#onDropped?.(memory);
    }
    this.#empty.clear();
  }

  #count(memory: ArrayBufferLike, by: 1 | -1): void {
    if (!(memory instanceof SharedArrayBuffer)) return;
    const count = (this.#counts.get(memory) ?? 0) + by;
    this.#counts.set(memory, count);
    if (count === 0) this.#empty.add(memory);
    else this.#empty.delete(memory);
  }
}

function bytesOf(batch: readonly StoreWrite[]): number {
  return batch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
}
