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

/** A batch that a crash may still undo. */
interface Unsynced {
  readonly batch: readonly StoreWrite[];
  /** What each of its keys held before, where any held something: most batches only add. */
  readonly before: (Uint8Array | undefined)[] | undefined;
}

interface PowerCut {
  readonly write: number;
  readonly cut: (unsyncedBatches: number) => void;
}

export class SimDisk {
  readonly #defer: SimDiskOptions['defer'];
  readonly #values: InternTable;
  /** Written, answered perhaps, and undone by a crash: the medium is the view without these. */
  #unsynced: Unsynced[] = [];
  /** Values are shared with other disks: they are replaced, never changed. */
  readonly #view = new Map<string, Uint8Array>();
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
    for (const { batch, before } of this.#unsynced) {
      const at = batch.findIndex((write) => write.key === key);
      if (at < 0) continue;
      if (before?.[at] !== undefined) before[at] = damaged;
      break;
    }
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
    for (const lost of this.#unsynced.slice(keptBatches).reverse()) this.#undo(lost);
    this.#sync(this.#unsynced.slice(0, keptBatches));
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
    const kept = this.#values.keepBatch(batch, isOwn);
    this.#unsynced.push(this.#apply(kept));
    if (isOwn) for (const { value } of kept) this.#holdings.count(value, 1);
    if (this.#writes === this.#powerCut?.write) {
      const { cut } = this.#powerCut;
      const session = this.#session;
      this.#powerCut = undefined;
      cut(this.#unsynced.length);
      assert(session !== this.#session, 'whoever cuts the power crashes the disk');
      return undefined;
    }
    if (sync) this.#sync(this.#unsynced);
    return undefined;
  }

  #apply(batch: readonly StoreWrite[]): Unsynced {
    let before: Unsynced['before'];
    for (let i = 0; i < batch.length; i++) {
      const { key, value } = batch[i];
      const old = this.#view.get(key);
      if (old !== undefined) {
        before ??= [];
        before[i] = old;
      }
      this.#viewBytes += (value?.length ?? 0) - (old?.length ?? 0);
      if (value === undefined) this.#view.delete(key);
      else this.#view.set(key, value);
    }
    return { batch, before };
  }

  #undo({ batch, before }: Unsynced): void {
    for (let i = batch.length - 1; i >= 0; i--) {
      const { key, value } = batch[i];
      this.#holdings.count(value, -1);
      const old = before?.[i];
      if (old === undefined) this.#view.delete(key);
      else this.#view.set(key, old);
    }
  }

  /** What these have replaced cannot come back. */
  #sync(batches: readonly Unsynced[]): void {
    for (const { before } of batches) {
      for (const value of before ?? []) this.#holdings.count(value, -1);
    }
    this.#unsynced = [];
    this.#holdings.settle();
  }
}

/** How many values in the view, and of those that a crash would bring back, lie in each shared memory. */
class Holdings {
  readonly #onDropped: SimDiskOptions['onDropped'];
  readonly #counts = new Map<ArrayBufferLike, number>();
  readonly #empty = new Set<ArrayBufferLike>();

  constructor(onDropped: SimDiskOptions['onDropped']) {
    this.#onDropped = onDropped;
  }

  count(value: Uint8Array | undefined, by: 1 | -1): void {
    if (this.#onDropped === undefined || value === undefined) return;
    const memory = value.buffer;
    if (!(memory instanceof SharedArrayBuffer)) return;
    const count = (this.#counts.get(memory) ?? 0) + by;
    this.#counts.set(memory, count);
    if (count === 0) this.#empty.add(memory);
    else this.#empty.delete(memory);
  }

  /** Everything has its place again: what has none is told. */
  settle(): void {
    if (this.#empty.size === 0) return;
    for (const memory of this.#empty) {
      this.#counts.delete(memory);
      this.#onDropped?.(memory);
    }
    this.#empty.clear();
  }
}

function bytesOf(batch: readonly StoreWrite[]): number {
  let sum = 0;
  for (const { value } of batch) sum += value?.length ?? 0;
  return sum;
}
