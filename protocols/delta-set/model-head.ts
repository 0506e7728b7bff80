// Keeps the shared model in step with the set: which generations are applied, what must be applied again, and
// the copies on disk. The arithmetic happens behind the fusion port, one plan at a time.
import type { FusionPart, FusionPlan, Hash, StoreWrite } from '../ports.ts';
import {
  CORRECTION_DELAY_MS,
  PLAN_GENERATIONS_MAX,
  SNAPSHOT_AGE_MIN,
  SNAPSHOT_STEP,
  SNAPSHOTS_IN_HORIZON,
} from './constants.ts';
import type { Context } from './context.ts';
import { samplesOf } from './rules.ts';
import { type AdoptedState, fetchState } from './state-copy.ts';
import { encodeHeadRow, encodeSnapshotRow, HEAD_KEY, type SnapshotRow, snapshotKey } from './store-layout.ts';

export interface HeadState {
  readonly generation: number;
  readonly model: Hash;
  readonly state: Hash;
}

export interface ModelHeadHooks {
  readonly advanced: (corrected: boolean) => void;
  /** Nobody needs the newest model for now, so that a correction may wait for more records. */
  readonly canWait: () => boolean;
}

export class ModelHead {
  readonly #context: Context;
  readonly #hooks: ModelHeadHooks;
  #head: HeadState | undefined;
  #target = 0;
  #busy = false;
  /** Rises when a state is adopted: what was asked of the fusion before is of no interest any more. */
  #epoch = 0;
  /** Lowest applied generation whose counted records have changed since. */
  #dirtyFrom: number | undefined;
  /** When a correction that has been put off is due. */
  #correctAtMs: number | undefined;
  #correcting = false;
  /** The highest generation that the store was told of. */
  #persisted = 0;
  /** Lowest generation applied without one of its payloads. */
  #incompleteFrom: number | undefined;
  readonly #snapshots = new Map<number, SnapshotRow>();
  /** Samples counted up to a generation whose past is known by this number only. */
  #weighed: { readonly generation: number; readonly weight: number } = { generation: 0, weight: 0 };

  constructor(context: Context, hooks: ModelHeadHooks) {
    this.#context = context;
    this.#hooks = hooks;
  }

  /** The newest applied state; `undefined` until the initial one has been hashed. */
  get head(): HeadState | undefined {
    return this.#head;
  }

  /** All known records up to the target are in the model. */
  get inStep(): boolean {
    return !this.#busy && this.#dirtyFrom === undefined && this.#head?.generation === this.#target;
  }

  /** Copies on disk of what the records known by now give, newest first. */
  get snapshots(): readonly SnapshotRow[] {
    const stale = Math.min(this.#dirtyFrom ?? Infinity, this.#incompleteFrom ?? Infinity);
    return [...this.#snapshots.values()]
      .filter(({ generation }) => generation < stale)
      .sort((a, b) => b.generation - a.generation);
  }

  /** Begin at the initial weights. */
  begin(): void {
    const { layout, initialModel } = this.#context;
    const model = initialModel();
    this.adopt({ generation: 0, model, momentum: new Float32Array(layout.size), weight: 0 });
  }

  /** Begin at a state from disk or from the mesh; its bytes were checked by the caller. */
  adopt(state: AdoptedState): void {
    this.#busy = true;
    this.#epoch += 1;
    const epoch = this.#epoch;
    this.#dirtyFrom = undefined;
    this.#target = Math.max(state.generation, this.#target);
    this.#weighed = { generation: state.generation, weight: state.weight };
    const ticket = this.#context.tickets.issue((event) => {
      if (epoch !== this.#epoch) return;
      this.#busy = false;
      if (event.kind !== 'fused') return this.#fail(event.kind === 'failed' ? event.error : 'no answer');
      this.#stand(event.generations[event.generations.length - 1]);
      this.#hooks.advanced(false);
      this.#step();
    });
    this.#context.ports.fusion.adopt(state.generation, state.model, state.momentum, ticket);
  }

  /** Another branch was adopted: copies of the own one are of no use. */
  forget(): void {
    this.#persisted = 0;
    this.#dropSnapshotsFrom(0);
  }

  /** Those to be named to others: the newest, and the newest that is sealed, by which branches are told apart. */
  get namedSnapshots(): readonly SnapshotRow[] {
    const { snapshots } = this;
    const sealed = snapshots.slice(1).find(({ generation }) => generation <= this.#context.set.floor);
    return sealed === undefined ? snapshots.slice(0, 1) : [snapshots[0], sealed];
  }

  /** A copy that is on disk. */
  remember(row: SnapshotRow): void {
    this.#snapshots.set(row.generation, row);
  }

  /**
   * What an earlier run left. Only `base` is known to be what its records give: a correction may have dropped a copy above
   * it, and the crash may have taken that back but not the record that caused it. The others are made again.
   */
  resume(generation: number, base: SnapshotRow | undefined, rows: readonly SnapshotRow[]): void {
    this.#persisted = generation;
    for (const row of rows) this.remember(row);
    this.#dropSnapshots(rows.filter((row) => row !== base).map((row) => row.generation));
  }

  /** Generations up to `target` are complete. It never goes back. */
  advanceTo(target: number): void {
    this.#target = Math.max(this.#target, target);
    this.#step();
  }

  /** The counted records of a generation changed. */
  changed(generation: number): void {
    if (generation > this.#target) return;
    this.#dirtyFrom = Math.min(generation, this.#dirtyFrom ?? generation);
    this.#step();
  }

  /** Looks for missing payloads once more; called now and then, so that a lost one is no busy loop. */
  retry(): void {
    const from = this.#incompleteFrom;
    if (from === undefined || this.#busy) return;
    this.#incompleteFrom = undefined;
    this.changed(from);
  }

  #step(): void {
    if (this.#busy || this.#head === undefined) return;
    let start = this.#head.generation;
    if (this.#dirtyFrom !== undefined && this.#dirtyFrom <= start) {
      if (this.#canWait(start)) return;
      const snapshot = this.#context.ports.fusion.snapshotAtOrBelow(this.#dirtyFrom - 1);
      if (snapshot === undefined || snapshot < this.#context.set.floor) return this.#startOver();
      start = snapshot;
      this.#correcting = true;
      this.#dropSnapshotsFrom(this.#dirtyFrom);
    }
    const last = Math.min(this.#target, start + PLAN_GENERATIONS_MAX);
    if (last <= start) {
      this.#dirtyFrom = undefined;
      return;
    }
    this.#dirtyFrom = undefined;
    this.#busy = true;
    this.#gather(start, last);
  }

  /**
   * Late records come one after the other, and each correction applies a generation again. While nothing new is to be
   * applied and nobody needs the model, they are gathered.
   */
  #canWait(head: number): boolean {
    const { clock } = this.#context.ports;
    const nowMs = clock.nowMs();
    if (head < this.#target || !this.#hooks.canWait()) this.#correctAtMs = nowMs;
    this.#correctAtMs ??= nowMs + CORRECTION_DELAY_MS;
    if (nowMs < this.#correctAtMs) {
      clock.wakeAt(this.#correctAtMs);
      return true;
    }
    this.#correctAtMs = undefined;
    return false;
  }

  /** A correction below the oldest copy in memory: from one on disk, or from the initial weights if the history is whole. */
  #startOver(): void {
    const { set, listener, ports } = this.#context;
    const [row] = this.snapshots.filter(({ generation }) => generation >= set.floor);
    if (row === undefined && set.floor > 0) {
      listener.notice('CORRECTION_TOO_OLD', `generation ${this.#dirtyFrom} changed under the oldest copy`);
      this.#dirtyFrom = undefined;
      return;
    }
    this.#correcting = true;
    if (this.#dirtyFrom !== undefined) this.#dropSnapshotsFrom(this.#dirtyFrom);
    if (row === undefined) return this.begin();
    this.#busy = true;
    const epoch = this.#epoch;
    fetchState(this.#context, row, ports.network.peers(), (copy) => {
      if (epoch !== this.#epoch) return;
      this.#busy = false;
      const isUsable = copy !== undefined && row.generation < (this.#dirtyFrom ?? Infinity);
      if (isUsable) return this.adopt({ generation: row.generation, weight: row.weight, ...copy });
      if (copy === undefined) this.#dropSnapshots([row.generation]);
      this.#startOver();
    });
  }

  /** Collects the payloads of a plan, from memory or from the store, then fuses. */
  #gather(start: number, last: number): void {
    const { set, payloads, ports, tickets, listener } = this.#context;
    const found = new Map<Hash, Uint8Array>();
    const records = range(start + 1, last).flatMap((generation) => set.counted(generation));
    let missing = 0;
    const epoch = this.#epoch;
    const settle = (): void => {
      if (missing === 0 && epoch === this.#epoch) this.#fuse(start, last, found);
    };
    for (const record of records) {
      const cached = payloads.get(record.payload);
      if (cached !== undefined) found.set(record.payload, cached);
      else missing += 1;
    }
    for (const record of records) {
      if (found.has(record.payload)) continue;
      const ticket = tickets.issue((event) => {
        missing -= 1;
        if (event.kind === 'blob' && event.bytes !== undefined) {
          found.set(record.payload, event.bytes);
          payloads.set(record.payload, event.bytes);
        } else {
          listener.notice('STORE_READ_FAILED', `the payload of delta ${record.id} is not in the store`);
        }
        settle();
      });
      ports.blobs.fetch(record.payload, record.payloadBytes, ports.network.peers(), ticket);
    }
    settle();
  }

  #fuse(start: number, last: number, payloads: ReadonlyMap<Hash, Uint8Array>): void {
    const { set, ports, tickets, manifest } = this.#context;
    const generations: FusionPlan['generations'][number][] = [];
    for (const generation of range(start + 1, last)) {
      const parts: FusionPart[] = [];
      for (const record of set.counted(generation)) {
        const payload = payloads.get(record.payload);
        // Lost on disk, or the set has moved on while payloads were read (then `changed` has said so too).
        if (payload === undefined)
          this.#incompleteFrom = Math.min(generation, this.#incompleteFrom ?? generation);
        else {
          const own = record.codec === manifest.codec ? undefined : record.codec;
          parts.push({ id: record.id, payload, samples: record.samples, codec: own });
        }
      }
      generations.push({ generation, parts });
    }
    const epoch = this.#epoch;
    const ticket = tickets.issue((event) => {
      if (epoch !== this.#epoch) return;
      this.#busy = false;
      if (event.kind !== 'fused') return this.#fail(event.kind === 'failed' ? event.error : 'no answer');
      for (const fused of event.generations) {
        ports.journal.event('fused', { generation: fused.generation, model: fused.model });
      }
      this.#stand(event.generations[event.generations.length - 1]);
      const corrected = this.#correcting;
      if (this.#head?.generation === this.#target && this.#dirtyFrom === undefined) this.#correcting = false;
      this.#persist();
      this.#hooks.advanced(corrected);
      this.#step();
    });
    ports.fusion.fuse({ ticket, rollbackTo: start, generations });
  }

  #stand(head: HeadState): void {
    this.#head = head;
  }

  #fail(error: string): void {
    this.#context.listener.notice('FUSION_FAILED', error);
    this.#context.ports.journal.event('fusion-failed', { error });
  }

  /** Remembers where we stand and, every few generations, writes S and m of a generation past correction. */
  #persist(): void {
    const { ports, tickets, set, manifest } = this.#context;
    const head = this.#head;
    if (head === undefined) return;
    const batch: StoreWrite[] = [];
    const every = snapshotEvery(manifest.history.horizon);
    const due = Math.floor((head.generation - SNAPSHOT_AGE_MIN) / every) * every;
    const copy = due > 0 && !this.#snapshots.has(due) ? ports.fusion.snapshot(due) : undefined;
    if (copy !== undefined) {
      const bytes = stateBytes(copy.model, copy.momentum);
      const blob = ports.blobs.writesFor(bytes);
      const row = {
        generation: due,
        state: ports.signer.hash(bytes),
        blob: blob.hash,
        weight: this.#weightAt(due),
      };
      batch.push(...blob.batch, { key: snapshotKey(due), value: encodeSnapshotRow(row) });
      this.#snapshots.set(due, row);
    }
    // Sealed is what lies under a copy: a correction above the floor begins there.
    const [floor, ...older] = this.snapshots.filter(
      (row) => row.generation <= head.generation - manifest.history.horizon,
    );
    for (const { generation } of older) {
      this.#snapshots.delete(generation);
      batch.push({ key: snapshotKey(generation), value: undefined });
    }
    const sealed = Math.max(set.floor, floor?.generation ?? 0);
    // While generations are applied again the head is lower than what the store was told before.
    if (head.generation >= this.#persisted) {
      this.#persisted = head.generation;
      batch.push({ key: HEAD_KEY, value: encodeHeadRow({ ...head, sealed }) });
    }
    ports.store.write(
      batch,
      false,
      tickets.issue((event) => this.#written(event.kind === 'written' ? event.error : undefined)),
    );
    if (floor !== undefined && floor.generation > set.floor) {
      this.#weighed = floor;
      set.seal(floor.generation);
    }
  }

  #written(error: string | undefined): void {
    if (error !== undefined) this.#context.listener.notice('STORE_WRITE_FAILED', error);
  }

  /** Samples counted up to a generation above the floor; the known number may lie on either side of it. */
  #weightAt(generation: number): number {
    const { set } = this.#context;
    const known = this.#weighed;
    const between = (first: number, last: number): number =>
      range(first, last).reduce((sum, open) => sum + samplesOf(set.counted(open)), 0);
    return (
      known.weight + between(known.generation + 1, generation) - between(generation + 1, known.generation)
    );
  }

  #dropSnapshotsFrom(generation: number): void {
    this.#dropSnapshots([...this.#snapshots.keys()].filter((of) => of >= generation));
  }

  #dropSnapshots(stale: readonly number[]): void {
    if (stale.length === 0) return;
    for (const of of stale) this.#snapshots.delete(of);
    const batch = stale.map((of) => ({ key: snapshotKey(of), value: undefined }));
    const { ports, tickets } = this.#context;
    ports.store.write(
      batch,
      false,
      tickets.issue(() => {}),
    );
  }
}

/** S followed by m as little-endian float32: what a state digest and a snapshot blob are made of. */
export function stateBytes(model: Float32Array, momentum: Float32Array): Uint8Array {
  const bytes = new Uint8Array(model.byteLength + momentum.byteLength);
  bytes.set(new Uint8Array(model.buffer, model.byteOffset, model.byteLength), 0);
  bytes.set(new Uint8Array(momentum.buffer, momentum.byteOffset, momentum.byteLength), model.byteLength);
  return bytes;
}

/** Four copies a horizon, in steps that the model line keeps in memory. */
const snapshotEvery = (horizon: number): number =>
  SNAPSHOT_STEP * Math.floor(horizon / (SNAPSHOTS_IN_HORIZON * SNAPSHOT_STEP));

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
