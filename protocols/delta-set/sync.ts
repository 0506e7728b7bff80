// Anti-entropy: what gossip lost is found by comparing set digests with one neighbour at a time. The asker pulls
// what it misses; the answerer learns from the hello that it may miss something and asks back in its turn.
//
//   hello(head, digests) →            compare generation by generation
//            ← welcome(head, ids)     where they differ, everything the other holds
//   want(ids I lack) →
//            ← records                checked at the same door as gossip
import type { Hash, PeerId } from '../ports.ts';
import { SYNC_DEADLINE_MS, SYNC_DEPTH, SYNC_INTERVAL_MS, WANTED_MAX } from './constants.ts';
import type { Context } from './context.ts';
import type { Intake } from './intake.ts';
import {
  DIGESTS_MAX,
  decodeRecords,
  decodeSyncRequest,
  decodeWelcome,
  encodeDelta,
  encodeRecords,
  encodeSyncRequest,
  encodeWelcome,
  type Head,
  type Hello,
  type WantedRecord,
} from './messages.ts';

export interface Neighbour {
  readonly head: Head;
  /** When it was last heard, both held the same records of all generations from the first that neither has sealed up to
   * this one; 0 where that is not known. */
  readonly sameUpTo: number;
}

export interface SyncHooks {
  readonly head: () => Head;
  /** A neighbour's head was heard. */
  readonly heard: (from: PeerId, head: Head) => void;
  /** One exchange with a neighbour ended; `complete` when nothing of what it holds is missing here. */
  readonly exchanged: (complete: boolean) => void;
}

/** One comparison with one neighbour. */
interface Exchange {
  readonly peer: PeerId;
  /** The whole horizon was compared, not only the last generations. */
  readonly whole: boolean;
  readonly offered: readonly WantedRecord[];
  readonly asked: Set<Hash>;
}

/** Refusals that another time may not give. */
const LATER: ReadonlySet<string> = new Set(['too-far-ahead', 'busy']);

export class Sync {
  readonly #context: Context;
  readonly #intake: Intake;
  readonly #hooks: SyncHooks;
  readonly #neighbours = new Map<PeerId, Neighbour>();
  /** Peers to ask next, oldest wish first. */
  readonly #wishes = new Set<PeerId>();
  #hasHeardOfSealed = false;
  #asking: PeerId | undefined;
  #lastAskedMs = Number.NEGATIVE_INFINITY;
  /** Peers with whom the whole horizon is to be compared, not only the last generations: those just met, and
   * those who stand at our generation with another model. */
  readonly #strangers = new Set<PeerId>();

  constructor(context: Context, intake: Intake, hooks: SyncHooks) {
    this.#context = context;
    this.#intake = intake;
    this.#hooks = hooks;
  }

  /** Some neighbour has sealed a part of its history, now or earlier: before, there is nothing to adopt from anybody. */
  get hasHeardOfSealed(): boolean {
    return this.#hasHeardOfSealed;
  }

  get neighbours(): ReadonlyMap<PeerId, Neighbour> {
    return this.#neighbours;
  }

  /** A neighbour is being asked. */
  get busy(): boolean {
    return this.#asking !== undefined;
  }

  joined(peer: PeerId): void {
    this.#wishes.add(peer);
    this.#strangers.add(peer);
    this.#next();
  }

  left(peer: PeerId): void {
    this.#neighbours.delete(peer);
    this.#wishes.delete(peer);
    this.#strangers.delete(peer);
  }

  /** Ask somebody, if nobody was asked for a while. `intervalMs` shortens or stretches the while. */
  tick(intervalMs = SYNC_INTERVAL_MS): void {
    if (this.#asking !== undefined || this.#context.ports.clock.nowMs() - this.#lastAskedMs < intervalMs)
      return;
    if (this.#wishes.size === 0) {
      const peers = this.#context.ports.network.peers();
      // Those who stood elsewhere when they were last heard are the ones to learn from.
      const { model } = this.#hooks.head();
      const apart = peers.filter((peer) => this.#neighbours.get(peer)?.head.model !== model);
      const choice = apart.length > 0 ? apart : peers;
      if (choice.length === 0) return;
      this.#wishes.add(choice[this.#context.ports.random.below(choice.length)]);
    }
    this.#next();
  }

  #next(): void {
    if (this.#asking !== undefined) return;
    const [peer] = this.#wishes;
    if (peer === undefined) return;
    this.#wishes.delete(peer);
    this.#asking = peer;
    this.#hello(peer);
  }

  #hello(peer: PeerId): void {
    const { ports, tickets, set } = this.#context;
    this.#lastAskedMs = ports.clock.nowMs();
    const head = this.#hooks.head();
    const whole = this.#strangers.delete(peer);
    const first = Math.max(set.floor + 1, whole ? set.top - DIGESTS_MAX + 1 : head.generation - SYNC_DEPTH);
    const digests: string[] = [];
    for (let generation = first; generation <= set.top; generation++) digests.push(set.digest(generation));
    const bytes = encodeSyncRequest({ kind: 'hello', head, first, digests });
    const ticket = tickets.issue((event) => {
      const answer =
        event.kind === 'response' && event.bytes !== undefined ? decodeWelcome(event.bytes) : undefined;
      if (answer === undefined) {
        if (event.kind === 'response' && event.bytes !== undefined)
          ports.network.penalise(peer, 'malformed-answer');
        return this.#done({ peer, whole }, false);
      }
      this.#hear(peer, answer.head, 0);
      this.#pull({ peer, whole, offered: answer.records, asked: new Set() });
    });
    ports.network.request(peer, 'sync', bytes, SYNC_DEADLINE_MS, ticket);
  }

  #hear(peer: PeerId, head: Head, sameUpTo: number): void {
    const own = this.#hooks.head();
    if (own.generation === head.generation && own.model !== head.model) this.#strangers.add(peer);
    if (head.floor > 0) this.#hasHeardOfSealed = true;
    this.#neighbours.set(peer, { head, sameUpTo });
    this.#hooks.heard(peer, head);
  }

  /** Asks for what is missing, oldest generations first, until nothing is or the other has no more. */
  #pull(exchange: Exchange): void {
    const { ports, tickets, set } = this.#context;
    const { peer, offered, asked } = exchange;
    const missing = offered.filter(
      ({ id, generation }) =>
        generation > set.floor && !set.has(id, generation) && !this.#intake.isPending(id) && !asked.has(id),
    );
    if (missing.length === 0) return this.#done(exchange, true);
    const wanted = [...missing].sort((a, b) => a.generation - b.generation).slice(0, WANTED_MAX);
    const ticket = tickets.issue((event) => {
      const bytes = event.kind === 'response' ? event.bytes : undefined;
      const records = bytes === undefined ? undefined : decodeRecords(bytes);
      if (records === undefined || records.length === 0) {
        if (bytes !== undefined && records === undefined) ports.network.penalise(peer, 'malformed-answer');
        return this.#done(exchange, false);
      }
      const verdicts = records.map((record) => this.#intake.receive(peer, record));
      if (verdicts.some((verdict) => verdict.act === 'reject')) {
        ports.network.penalise(peer, 'bad-record');
        return this.#done(exchange, false);
      }
      // Too far ahead of what is applied, or too many at once: the rest is asked for in the next exchange.
      if (verdicts.some((verdict) => verdict.act === 'ignore' && LATER.has(verdict.reason))) {
        return this.#done(exchange, false);
      }
      // An answer may hold fewer records than asked for: those beyond it are asked for again.
      for (const { id } of wanted.slice(0, records.length)) asked.add(id);
      this.#pull(exchange);
    });
    const request = encodeSyncRequest({ kind: 'want', records: wanted });
    ports.network.request(peer, 'sync', request, SYNC_DEADLINE_MS, ticket);
  }

  /** `complete`: nothing of what the other holds is missing here, as far as it was compared. */
  #done({ peer, whole }: Pick<Exchange, 'peer' | 'whole'>, complete: boolean): void {
    if (whole && !complete && this.#context.ports.network.peers().includes(peer)) this.#strangers.add(peer);
    this.#asking = undefined;
    this.#hooks.exchanged(complete);
    this.#next();
  }

  serve(from: PeerId, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void): void {
    const request = decodeSyncRequest(bytes);
    if (request === undefined) {
      this.#context.listener.refused('malformed');
      this.#context.ports.network.penalise(from, 'malformed');
      return respond(undefined);
    }
    if (request.kind === 'hello') respond(this.#welcome(from, request));
    else this.#deliver(request.records, respond);
  }

  #welcome(from: PeerId, hello: Hello): Uint8Array {
    const { set } = this.#context;
    const last = Math.max(set.top, hello.first + hello.digests.length - 1);
    const records: WantedRecord[] = [];
    let sameUpTo = last;
    for (let generation = Math.max(hello.first, set.floor + 1); generation <= last; generation++) {
      if (set.digest(generation) === (hello.digests[generation - hello.first] ?? '')) continue;
      sameUpTo = Math.min(sameUpTo, generation - 1);
      records.push(...set.held(generation).map(({ id }) => ({ id, generation })));
    }
    const isWhole = hello.first <= Math.max(set.floor, hello.head.floor) + 1;
    this.#hear(from, hello.head, isWhole ? sameUpTo : 0);
    // Whatever it holds that we lack, our own hello will bring.
    if (sameUpTo < last) this.#wishes.add(from);
    return encodeWelcome({ head: this.#hooks.head(), records });
  }

  /** Records with their payloads, from memory or from the store; large payloads stay behind. */
  #deliver(wanted: readonly WantedRecord[], respond: (bytes: Uint8Array | undefined) => void): void {
    const { set, ports, tickets, payloads, manifest } = this.#context;
    const deltas: (Uint8Array | undefined)[] = wanted.map(() => undefined);
    let open = 1;
    const close = (): void => {
      open -= 1;
      if (open === 0) respond(encodeRecords(deltas.filter((delta) => delta !== undefined)));
    };
    for (const [i, { id, generation }] of wanted.entries()) {
      const record = set.get(id, generation);
      if (record === undefined) continue;
      const cached = payloads.get(record.payload);
      if (record.payloadBytes > manifest.limits.inlineBytes) deltas[i] = encodeDelta(record, undefined);
      else if (cached !== undefined) deltas[i] = encodeDelta(record, cached);
      else {
        open += 1;
        const ticket = tickets.issue((event) => {
          if (event.kind === 'blob' && event.bytes !== undefined)
            deltas[i] = encodeDelta(record, event.bytes);
          close();
        });
        ports.blobs.fetch(record.payload, record.payloadBytes, [], ticket);
      }
    }
    close();
  }
}
