// One fetch: what is known of a blob, which chunks are here, who is asked for the rest. It does not know how
// many other fetches there are; its host says whom it may ask.
import assert from 'node:assert/strict';
import type { Clock, Hash, Journal, Network, PeerId, Signer, Store, StoreWrite, Ticket } from '../ports.ts';
import type { Tickets } from '../tickets.ts';
import {
  CHUNK_BYTES,
  CHUNK_DEADLINE_MS,
  CHUNKS_IN_FLIGHT,
  LIST_DEADLINE_MS,
  OVERDUE_SHARE,
  READ_WINDOW,
} from './constants.ts';
import { type ChunkList, decodeList, decodeResponse, encodeList, encodeRequest } from './messages.ts';
import { type Question, Questions } from './questions.ts';
import {
  backoffMs,
  blobHashOf,
  chunkKey,
  chunkLength,
  type Holder,
  listKey,
  miss,
  newHolder,
  nextStep,
  type Peers,
  type Pull,
  placesOf,
  reasonOf,
} from './rules.ts';

export interface TransferPorts {
  readonly network: Network;
  readonly store: Store;
  readonly signer: Signer;
  readonly clock: Clock;
  readonly journal: Journal;
}

export interface FetchHost extends Peers {
  readonly ports: TransferPorts;
  readonly tickets: Tickets;
  /** One request more (1) or less (−1) is with this peer. */
  occupy(peer: PeerId, change: 1 | -1): void;
  /** It has answered, or the deadline has passed. */
  answered(peer: PeerId, afterMs: number): void;
}

export interface Waiter {
  readonly ticket: Ticket;
  readonly bytesMax: number;
}

export interface Wish {
  readonly hash: Hash;
  /** One chunk named by its own hash: there is no list. */
  readonly plain: boolean;
  readonly from: readonly PeerId[];
  readonly waiter: Waiter;
}

export type Outcome = { readonly bytes: Uint8Array } | { readonly error: string };

const NEVER = Number.POSITIVE_INFINITY;

export const keyOf = (wish: Pick<Wish, 'hash' | 'plain'>): string =>
  wish.plain ? chunkKey(wish.hash) : listKey(wish.hash);

export class BlobFetch {
  readonly hash: Hash;
  readonly plain: boolean;
  readonly waiters: Waiter[];
  stage: 'to-read' | 'reading' | 'to-pull' | 'pulling' | 'done' = 'to-read';
  /** Known and checked. */
  list: ChunkList | undefined;
  /** Set when the stage is `done`, unless it was dropped. */
  outcome: Outcome | undefined;
  /** Whether peers were asked. */
  pulled = false;
  wakeAtMs = NEVER;
  readonly #host: FetchHost;
  readonly #from: PeerId[];
  readonly #holders: Holder[] = [];
  #bytes: Uint8Array | undefined;
  #places = new Map<Hash, number[]>();
  /** Chunks whose presence in the store is still to be looked at. */
  #unread: Hash[] = [];
  /** Not here yet: the list, or chunks of it … */
  readonly #missing = new Set<Hash>();
  /** … and of these, what nobody is asked for in time. */
  #wants: Hash[] = [];
  readonly #questions = new Questions();
  /** Writes that the store has not answered. */
  #keeping = 0;

  constructor(wish: Wish, host: FetchHost) {
    this.hash = wish.hash;
    this.plain = wish.plain;
    this.waiters = [wish.waiter];
    this.#from = [...wish.from];
    this.#host = host;
  }

  /** Who is most likely to be asked. */
  get source(): PeerId | undefined {
    return this.#from[0];
  }

  /** What may be asked for and not yet stored. */
  get inFlightBytesMax(): number {
    return Math.min(this.#bytesMax(), CHUNKS_IN_FLIGHT * CHUNK_BYTES);
  }

  /** One more who wants the same. */
  join(wish: Wish): void {
    this.waiters.push(wish.waiter);
    this.#from.push(...wish.from.filter((peer) => !this.#from.includes(peer)));
    if (this.stage === 'pulling') this.addHolders();
  }

  readStore(): void {
    this.stage = 'reading';
    if (this.plain) {
      this.#open({ size: 0, chunks: [this.hash] });
      return;
    }
    this.#read([listKey(this.hash)], ([value]) => {
      const list = value === undefined ? undefined : decodeList(value);
      const isSound = list !== undefined && blobHashOf(list, this.#host.ports.signer.hash) === this.hash;
      if (isSound) this.#open(list);
      else this.#notStored();
    });
  }

  /** Begin to ask peers. */
  startPull(): void {
    this.stage = 'pulling';
    this.pulled = true;
    this.addHolders();
    if (this.list !== undefined) this.#open(this.list);
    else this.#miss(this.hash);
    this.pull();
  }

  /** The list is known and true: look which chunks are stored. Nothing was allotted before this. */
  #open(list: ChunkList): void {
    if (list.size > this.#bytesMax()) {
      this.#finish(`too large: ${list.size} bytes`);
      return;
    }
    this.list = list;
    this.#bytes = this.plain ? undefined : new Uint8Array(list.size);
    this.#places = placesOf(list);
    this.#unread = [...this.#places.keys()];
    this.#missing.clear();
    this.#wants = [];
    this.#readWindow();
  }

  #readWindow(): void {
    const chunks = this.#unread.slice(0, READ_WINDOW);
    if (chunks.length === 0) {
      this.#storeRead();
      return;
    }
    this.#read(chunks.map(chunkKey), (values) => {
      this.#unread = this.#unread.slice(chunks.length);
      for (const [index, chunk] of chunks.entries()) {
        const value = values[index];
        // A damaged chunk is a missing one.
        if (value === undefined || this.#host.ports.signer.hash(value) !== chunk) this.#miss(chunk);
        else this.#place(chunk, value);
      }
      if (this.stage !== 'done') this.#readWindow();
    });
  }

  #storeRead(): void {
    if (this.stage === 'pulling') this.pull();
    else if (this.#missing.size === 0) this.#finish(undefined);
    else this.#notStored();
  }

  #notStored(): void {
    this.#bytes = undefined;
    if (this.#from.length === 0) this.#finish('not stored');
    else this.stage = 'to-pull';
  }

  #read(keys: readonly string[], then: (values: readonly (Uint8Array | undefined)[]) => void): void {
    const ticket = this.#host.tickets.issue((event) => {
      if (this.stage === 'done' || event.kind !== 'read') return;
      if (event.error !== undefined) this.#finish(`store: ${event.error}`);
      else then(event.values);
    });
    this.#host.ports.store.read(keys, ticket);
  }

  /** Ask whoever can be asked, and see whether that was all. */
  pull(): void {
    this.wakeAtMs = NEVER;
    if (this.#unread.length > 0) return;
    const { clock } = this.#host.ports;
    for (const want of this.#questions.nowOverdue(clock.nowMs())) this.#wantAgain(want);
    while (this.stage === 'pulling') {
      const step = nextStep(this.#state(), clock.nowMs(), this.#host);
      if (step.act === 'ask') {
        this.#ask(step.want, step.holder);
      } else if (step.act === 'exhausted') {
        if (!this.addHolders()) this.#finish(reasonOf(this.#holders));
      } else {
        const untilMs = step.act === 'wait' ? step.untilMs : NEVER;
        this.wakeAtMs = Math.min(untilMs, this.#questions.nextDueMs);
        if (this.#missing.size === 0 && this.#keeping === 0) this.#keepList();
        return;
      }
    }
  }

  #miss(want: Hash): void {
    this.#missing.add(want);
    this.#wants.push(want);
  }

  /** Whoever was asked for it has failed, or takes long. */
  #wantAgain(want: Hash): void {
    const isSought = this.#wants.includes(want) || this.#questions.isTimely(want);
    if (this.#missing.has(want) && !isSought) this.#wants.unshift(want);
  }

  #ask(want: Hash, holder: Holder): void {
    const isList = this.list === undefined && !this.plain;
    this.#wants.splice(this.#wants.indexOf(want), 1);
    holder.asked++;
    this.#host.occupy(holder.id, 1);
    const { clock } = this.#host.ports;
    const askedMs = clock.nowMs();
    const deadlineMs = isList ? LIST_DEADLINE_MS : CHUNK_DEADLINE_MS;
    const question = this.#questions.open(want, holder, askedMs + OVERDUE_SHARE * deadlineMs);
    const ticket = this.#host.tickets.issue((event) => {
      holder.asked--;
      this.#host.occupy(holder.id, -1);
      this.#host.answered(holder.id, clock.nowMs() - askedMs);
      if (this.stage === 'done' || event.kind !== 'response') return;
      this.#questions.close(question);
      this.#take(question, event.bytes);
    });
    const request = encodeRequest({ kind: isList ? 'list' : 'chunk', hash: want });
    this.#host.ports.network.request(holder.id, 'blob', request, deadlineMs, ticket);
  }

  #take({ want, holder }: Question, bytes: Uint8Array | undefined): void {
    // Somebody else was faster.
    if (!this.#missing.has(want)) return;
    const response = bytes === undefined ? undefined : decodeResponse(bytes);
    if (response?.status === 'found') {
      if (want === this.hash && !this.plain) this.#takeList(want, holder, response.body);
      else this.#takeChunk(want, holder, response.body);
      return;
    }
    this.#wantAgain(want);
    if (bytes === undefined) {
      holder.failures++;
      holder.notBeforeMs = this.#host.ports.clock.nowMs() + backoffMs(holder.failures);
    } else if (response === undefined) {
      this.#shun(holder, 'transfer-malformed');
    } else {
      holder.failures = 0;
      miss(holder, want, this.#host.ports.clock.nowMs());
    }
  }

  #takeList(want: Hash, holder: Holder, body: Uint8Array): void {
    const list = decodeList(body);
    if (list === undefined || blobHashOf(list, this.#host.ports.signer.hash) !== want) {
      this.#wantAgain(want);
      this.#shun(holder, 'transfer-wrong-list');
      return;
    }
    holder.failures = 0;
    this.#open(list);
  }

  #takeChunk(want: Hash, holder: Holder, body: Uint8Array): void {
    if (this.#host.ports.signer.hash(body) !== want) {
      this.#wantAgain(want);
      this.#shun(holder, 'transfer-wrong-chunk');
      return;
    }
    holder.failures = 0;
    this.#missing.delete(want);
    this.#wants = this.#wants.filter((other) => other !== want);
    this.#place(want, body);
    if (this.stage === 'done') return;
    this.#keep({ key: chunkKey(want), value: body }, this.plain);
  }

  /** A slot in flight is held until the store has it: a slow disk slows the asking. */
  #keep(write: StoreWrite, sync: boolean, then?: () => void): void {
    this.#keeping++;
    const ticket = this.#host.tickets.issue((event) => {
      if (this.stage === 'done' || event.kind !== 'written') return;
      this.#keeping--;
      if (event.error !== undefined) this.#finish(`store: ${event.error}`);
      else then?.();
    });
    this.#host.ports.store.write([write], sync, ticket);
  }

  /** All chunks are stored: now the list, which says so. */
  #keepList(): void {
    assert(this.list !== undefined, 'chunks are asked for by a list');
    if (this.plain) {
      this.#finish(undefined);
      return;
    }
    const write = { key: listKey(this.hash), value: encodeList(this.list) };
    this.#keep(write, true, () => this.#finish(undefined));
  }

  /** A true hash over bytes of another length: whoever made the list lied, not whoever sent the chunk. */
  #place(chunk: Hash, value: Uint8Array): void {
    if (this.plain) {
      if (value.length > this.#bytesMax()) this.#finish(`too large: ${value.length} bytes`);
      else this.#bytes = new Uint8Array(value);
      return;
    }
    assert(this.list !== undefined && this.#bytes !== undefined);
    for (const index of this.#places.get(chunk) ?? []) {
      if (value.length !== chunkLength(this.list, index)) {
        this.#finish('badly made: a chunk does not have the length of its place');
        return;
      }
      this.#bytes.set(value, index * CHUNK_BYTES);
    }
  }

  /** Peers came or came back: those that did not answer get another chance. */
  welcome(joined: readonly PeerId[]): void {
    for (const holder of this.#holders) {
      if (!joined.includes(holder.id)) continue;
      holder.failures = 0;
      holder.notBeforeMs = 0;
    }
    this.addHolders();
  }

  /** Whether anybody was new. */
  addHolders(): boolean {
    const before = this.#holders.length;
    for (const peer of [...this.#from, ...this.#host.ports.network.peers()]) {
      const isKnown = this.#holders.some((holder) => holder.id === peer);
      if (!isKnown && peer !== this.#host.ports.network.self) this.#holders.push(newHolder(peer));
    }
    return this.#holders.length > before;
  }

  #shun(holder: Holder, reason: string): void {
    holder.liar = true;
    this.#host.ports.network.penalise(holder.id, reason);
    this.#host.ports.journal.event(reason, { peer: holder.id });
  }

  #finish(error: string | undefined): void {
    this.stage = 'done';
    this.wakeAtMs = NEVER;
    assert(error !== undefined || this.#bytes !== undefined, 'a fetch ends with bytes or with a reason');
    this.outcome =
      this.#bytes === undefined || error !== undefined ? { error: error ?? '' } : { bytes: this.#bytes };
    this.#bytes = undefined;
  }

  #bytesMax(): number {
    return Math.max(...this.waiters.map(({ bytesMax }) => bytesMax));
  }

  #state(): Pull {
    return {
      holders: this.#holders,
      wants: this.#wants,
      inFlight: this.#questions.timely + this.#keeping,
      questions: this.#questions,
    };
  }
}
