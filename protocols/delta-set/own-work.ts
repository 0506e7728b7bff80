// The author's side: train from the shared model, write what came of it, and only then say it. One batch on disk
// holds the record, its payload and the learner's new state, so that a crash anywhere
// repeats either nothing or the very same bytes.
//
//   idle → training → writing → idle          a failed round or write waits and tries again
import type { Hash, PortEvent, StoreWrite, TakenBack } from '../ports.ts';
import { RETRY_MAX_MS, RETRY_MIN_MS } from './constants.ts';
import type { Context } from './context.ts';
import { type DeltaRecord, encodeDelta, signRecord } from './messages.ts';
import type { HeadState } from './model-head.ts';
import { voteFor } from './rules.ts';
import { encodeOwn, OWN_KEY, type OwnRow, recordKey } from './store-layout.ts';

type Trained = Extract<PortEvent, { kind: 'trained' }>;

export class OwnWork {
  readonly #context: Context;
  readonly #current: () => number;
  readonly #published: (record: DeltaRecord) => void;
  #state: 'idle' | 'training' | 'writing' = 'idle';
  /** Newest generation that holds an own record. */
  #generation = 0;
  /** Own records that are back in the residual, as of the last state written. */
  #returned = new Set<Hash>();
  #stateKeys: ReadonlySet<string> = new Set();
  /** Payloads that nobody has seen, or has kept: their work is taken back whole. `id` names a record that was written. */
  #unsent: (Omit<TakenBack, 'sign'> & { readonly id: Hash | undefined })[] = [];
  #retryAtMs = 0;
  #retryMs = RETRY_MIN_MS;

  constructor(
    context: Context,
    hooks: { readonly current: () => number; readonly published: (record: DeltaRecord) => void },
  ) {
    this.#context = context;
    this.#current = hooks.current;
    this.#published = hooks.published;
  }

  get training(): boolean {
    return this.#state !== 'idle';
  }

  /** Newest generation with an own record; 0 before the first. */
  get generation(): number {
    return this.#generation;
  }

  /** When the next try is due after a failure; in the past where none failed. */
  get retryAtMs(): number {
    return this.#retryAtMs;
  }

  /** What the store knew at the start. The learner has been restored by the caller. */
  resume(row: OwnRow, stateKeys: readonly string[]): void {
    this.#generation = Math.max(this.#generation, row.generation);
    this.#returned = new Set(row.returned);
    this.#stateKeys = new Set(stateKeys);
  }

  /** An own record, perhaps one that a lost store has forgotten: its generation must never be used again. */
  sawOwn(record: DeltaRecord): void {
    this.#generation = Math.max(this.#generation, record.generation);
  }

  /** These were never heard by anybody and now never will be: their work goes into the next round. */
  takeBack(records: readonly DeltaRecord[]): void {
    const { ports, tickets, listener } = this.#context;
    for (const record of records) {
      if (this.#returned.has(record.id)) continue;
      const ticket = tickets.issue((event) => {
        if (event.kind !== 'blob') return;
        if (event.bytes === undefined) return this.#lost(record);
        if (this.#unsent.some(({ id }) => id === record.id)) return;
        this.#unsent.push({ payload: event.bytes, codec: record.codec, id: record.id });
        listener.notice('DELTA_RETURNED', `own delta of generation ${record.generation} was never heard`);
      });
      ports.blobs.fetch(record.payload, record.payloadBytes, [], ticket);
    }
  }

  /** The disk has not kept what this record brought: it cannot come back, and whoever runs this member should know. */
  #lost(record: DeltaRecord): void {
    const { listener } = this.#context;
    listener.notice('STORE_READ_FAILED', `the payload of own delta ${record.id} is not in the store`);
  }

  /** Starts a round from this head, unless one is under way or this generation has been served. */
  begin(head: HeadState): void {
    const { clock, journal } = this.#context.ports;
    if (this.#state !== 'idle' || this.#generation >= this.#current() || clock.nowMs() < this.#retryAtMs)
      return;
    this.#state = 'training';
    journal.event('train', { generation: head.generation + 1 });
    this.#collectReturned((takeBack, returned) => this.#train(head, takeBack, returned));
  }

  /** Own records whose weight has changed since the last round, with their payloads. */
  #collectReturned(then: (takeBack: readonly TakenBack[], returned: Set<Hash>) => void): void {
    const { set, ports, tickets, payloads, self, listener } = this.#context;
    const returned = new Set(this.#returned);
    // What came back while a round was taking it back as well, and what is still in the set without weight: once each.
    this.#unsent = this.#unsent.filter(({ id }) => id === undefined || !returned.has(id));
    for (const { id } of this.#unsent) if (id !== undefined) returned.add(id);
    const changed: { record: DeltaRecord; sign: 1 | -1 }[] = [];
    for (const record of set.all()) {
      if (record.author !== self) continue;
      const counts = set.counted(record.generation).some((counted) => counted.id === record.id);
      if (counts === !returned.has(record.id)) continue;
      changed.push({ record, sign: counts ? -1 : 1 });
    }
    const takeBack: TakenBack[] = this.#unsent.map(({ payload, codec }) => ({ payload, codec, sign: 1 }));
    let missing = changed.length;
    if (missing === 0) return then(takeBack, returned);
    for (const { record, sign } of changed) {
      const take = (payload: Uint8Array | undefined): void => {
        if (payload !== undefined) {
          takeBack.push({ payload, codec: record.codec, sign });
          if (sign === 1) returned.add(record.id);
          else returned.delete(record.id);
          const what =
            sign === 1 ? 'lost its weight; the work goes into the next one' : 'has its weight again';
          listener.notice('DELTA_RETURNED', `own delta of generation ${record.generation} ${what}`);
        } else this.#lost(record);
        missing -= 1;
        if (missing === 0) then(takeBack, returned);
      };
      const cached = payloads.get(record.payload);
      if (cached !== undefined) {
        take(cached);
        continue;
      }
      const ticket = tickets.issue((event) => take(event.kind === 'blob' ? event.bytes : undefined));
      ports.blobs.fetch(record.payload, record.payloadBytes, [], ticket);
    }
  }

  #train(head: HeadState, takeBack: readonly TakenBack[], returned: ReadonlySet<Hash>): void {
    const { ports, tickets, listener } = this.#context;
    const ticket = tickets.issue((event) => {
      if (event.kind === 'trained') {
        // What has come back meanwhile waits for the next round; the rest is in the learner's residual now.
        const taken = new Set(takeBack.map(({ payload }) => payload));
        this.#unsent = this.#unsent.filter(({ payload }) => !taken.has(payload));
        this.#returned = new Set(returned);
        return this.#write(head, event, returned);
      }
      this.#state = 'idle';
      this.#later();
      listener.notice('TRAINING_FAILED', event.kind === 'failed' ? event.error : 'no answer');
    });
    // The fusion may have moved on by a correction since `begin`; its model is then newer than `head`, which
    // only makes the record's base generation an understatement.
    ports.learner.train({ ticket, model: ports.fusion.model(), generation: head.generation + 1, takeBack });
  }

  #write(head: HeadState, trained: Trained, returned: ReadonlySet<Hash>): void {
    const { ports, tickets, set, manifest, meshId, self, listener, payloads } = this.#context;
    this.#state = 'writing';
    const generation = this.#current();
    const payload = ports.blobs.writesFor(trained.payload);
    const state = ports.blobs.writesFor(trained.state);
    const votesOf = generation - manifest.history.correctionWindow;
    const record = signRecord(
      {
        mesh: meshId,
        author: self,
        generation,
        baseGeneration: head.generation,
        base: head.state,
        samples: Math.min(trained.samples ?? ports.learner.samples, manifest.limits.samplesMax),
        codec: trained.codec ?? manifest.codec,
        payload: payload.hash,
        payloadBytes: trained.payload.length,
        votes: votesOf > 0 ? set.held(votesOf).map((known) => voteFor(known.id)) : [],
      },
      ports.signer,
    );
    const row: OwnRow = {
      generation,
      record: record.id,
      state: state.hash,
      returned: [...returned],
    };
    const written: StoreWrite[] = [
      ...payload.batch,
      ...state.batch,
      { key: recordKey(generation, record.id), value: encodeDelta(record, undefined) },
      { key: OWN_KEY, value: encodeOwn(row) },
    ];
    // What only the previous state used goes in the same batch: there is never more than one.
    const keys = new Set(written.map(({ key }) => key));
    const stale = [...this.#stateKeys].filter((key) => !keys.has(key));
    const batch = [...written, ...stale.map((key) => ({ key, value: undefined }))];
    const ticket = tickets.issue((event) => {
      this.#state = 'idle';
      if (event.kind !== 'written' || event.error !== undefined) {
        const error = event.kind === 'written' ? event.error : 'no answer';
        listener.notice('STORE_WRITE_FAILED', `own delta was not kept and so is not published: ${error}`);
        return this.#failedWrite(trained);
      }
      this.#retryMs = RETRY_MIN_MS;
      this.resume(
        row,
        state.batch.map(({ key }) => key),
      );
      payloads.set(payload.hash, trained.payload);
      listener.trained({ generation, loss: trained.loss, payloadBytes: trained.payload.length });
      this.#published(record);
      this.publish(record, trained.payload);
    });
    ports.store.write(batch, true, ticket);
  }

  /** The round is not lost: nothing was sent, so all of its payload goes back into the residual next time. */
  #failedWrite(trained: Trained): void {
    this.#unsent.push({ payload: trained.payload, codec: trained.codec, id: undefined });
    this.#later();
  }

  /** Gossip an own record; at a restart this is said again, for it may have been cut off just before. */
  publish(record: DeltaRecord, payload: Uint8Array): void {
    const { ports, manifest } = this.#context;
    const inline = payload.length <= manifest.limits.inlineBytes;
    ports.journal.event('publish', { id: record.id, generation: record.generation, bytes: payload.length });
    ports.network.publish(encodeDelta(record, inline ? payload : undefined));
  }

  #later(): void {
    const { clock } = this.#context.ports;
    this.#retryAtMs = clock.nowMs() + this.#retryMs;
    this.#retryMs = Math.min(RETRY_MAX_MS, 2 * this.#retryMs);
    clock.wakeAt(this.#retryAtMs);
  }
}
