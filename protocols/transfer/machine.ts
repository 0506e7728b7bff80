// The queue of the transfer protocol: which fetches run, which wait, and to whom the answers go. It knows
// hashes and bytes, never what they mean.
//
//   fetch -> in line to read -> read store -> all there: answer
//                                          -> in line to pull -> list -> read store -> chunks -> list stored: answer
import assert from 'node:assert/strict';
import type { Blobs, Call, Hash, Machine, PeerId, PortEvent, Ticket } from '../ports.ts';
import { Tickets } from '../tickets.ts';
import { BlobFetch, type FetchHost, keyOf, type TransferPorts, type Wish } from './blob-fetch.ts';
import {
  CHUNK_BYTES,
  FETCHES_MAX,
  PULL_BYTES_MAX,
  PULLS_MAX,
  PULLS_PER_SOURCE_MAX,
  READS_MAX,
  REQUESTS_PER_PEER_MAX,
  SLOW_ANSWER_MS,
} from './constants.ts';
import { encodeList } from './messages.ts';
import { blobHashOf, listKey, listOf, writesOf } from './rules.ts';
import { createServing, type Serving } from './serving.ts';

type BlobEvent = PortEvent & { readonly kind: 'blob' };

export interface TransferOptions {
  /** Gets one `blob` event for each fetch, never from inside the call that asked. */
  readonly answer: (event: BlobEvent) => void;
}

export interface Transfer extends Blobs, Omit<Machine, 'receive'> {
  /** Like `fetch`, for bytes of at most 256 KiB named by their plain SHA-256, as a manifest is by the mesh id. */
  fetchChunk(hash: Hash, bytesMax: number, from: readonly PeerId[], ticket: Ticket): void;
}

/** The store and network ports must deliver their answers to `handle`, the clock its ticks to `tick`. */
export function createTransfer(options: TransferOptions, ports: TransferPorts): Transfer {
  return new TransferMachine(options, ports);
}

class TransferMachine implements Transfer {
  readonly #answer: TransferOptions['answer'];
  readonly #ports: TransferPorts;
  readonly #tickets = new Tickets();
  /** In the order in which they were asked for. */
  readonly #fetches = new Map<string, BlobFetch>();
  readonly #requestsTo = new Map<PeerId, number>();
  /** Connected peers that took long for their last answer. */
  readonly #slow = new Set<PeerId>();
  readonly #serving: Serving;
  #outbox: BlobEvent[] = [];
  #isRunning = true;

  constructor(options: TransferOptions, ports: TransferPorts) {
    this.#answer = options.answer;
    this.#ports = ports;
    const listInHand = (hash: Hash): Uint8Array | undefined => {
      const list = this.#fetches.get(listKey(hash))?.list;
      return list === undefined ? undefined : encodeList(list);
    };
    this.#serving = createServing({ ...ports, tickets: this.#tickets, listInHand });
  }

  start(): void {
    this.#isRunning = true;
  }

  /** Fetches under way are dropped without an answer; requests of peers are refused. */
  stop(): void {
    this.#isRunning = false;
    for (const fetch of this.#fetches.values()) fetch.stage = 'done';
    this.#fetches.clear();
    this.#requestsTo.clear();
    this.#slow.clear();
    this.#tickets.clear();
    this.#outbox = [];
    this.#serving.stop();
  }

  writesFor(bytes: Uint8Array): ReturnType<Blobs['writesFor']> {
    const list = listOf(bytes, this.#ports.signer.hash);
    const hash = blobHashOf(list, this.#ports.signer.hash);
    return { hash, batch: writesOf(bytes, list, hash) };
  }

  hashOf(bytes: Uint8Array): Hash {
    return blobHashOf(listOf(bytes, this.#ports.signer.hash), this.#ports.signer.hash);
  }

  fetch(hash: Hash, bytesMax: number, from: readonly PeerId[], ticket: Ticket): void {
    this.#begin({ hash, plain: false, from, waiter: { ticket, bytesMax } });
  }

  fetchChunk(hash: Hash, bytesMax: number, from: readonly PeerId[], ticket: Ticket): void {
    const waiter = { ticket, bytesMax: Math.min(bytesMax, CHUNK_BYTES) };
    this.#begin({ hash, plain: true, from, waiter });
  }

  serve(from: PeerId, call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void): void {
    if (this.#isRunning && call === 'blob') this.#serving.serve(from, bytes, respond);
    else respond(undefined);
  }

  handle(event: PortEvent): void {
    if (!this.#isRunning) return;
    if (event.kind === 'written' || event.kind === 'read' || event.kind === 'response') {
      this.#tickets.resolve(event);
    } else if (event.kind === 'peers') {
      for (const peer of event.left) this.#slow.delete(peer);
      for (const fetch of this.#fetches.values()) fetch.welcome(event.joined);
    }
    this.#advance();
  }

  tick(): void {
    if (this.#isRunning) this.#advance();
  }

  #begin(wish: Wish): void {
    assert(this.#isRunning, 'nothing is fetched after stop');
    const known = this.#fetches.get(keyOf(wish));
    if (known !== undefined) known.join(wish);
    else if (this.#fetches.size >= FETCHES_MAX) this.#refuse(wish);
    else this.#fetches.set(keyOf(wish), new BlobFetch(wish, this.#hostOfFetch()));
    this.#startFetches();
    this.#rearm();
  }

  /** Everything that is possible now, then the answers, which may ask for more. */
  #advance(): void {
    this.#collect();
    this.#startFetches();
    for (const fetch of this.#fetches.values()) fetch.pull();
    this.#collect();
    this.#startFetches();
    while (this.#outbox.length > 0) {
      const answers = this.#outbox;
      this.#outbox = [];
      for (const answer of answers) this.#answer(answer);
    }
    this.#rearm();
  }

  #startFetches(): void {
    let reads = [...this.#fetches.values()].filter(({ stage }) => stage === 'reading').length;
    const pulling = [...this.#fetches.values()].filter(({ stage }) => stage === 'pulling');
    let bytes = pulling.reduce((sum, fetch) => sum + fetch.inFlightBytesMax, 0);
    const mayPull = ({ source, inFlightBytesMax }: BlobFetch): boolean =>
      pulling.length < PULLS_MAX &&
      bytes + inFlightBytesMax <= PULL_BYTES_MAX &&
      pulling.filter((other) => other.source === source).length < PULLS_PER_SOURCE_MAX;
    for (const fetch of this.#fetches.values()) {
      if (fetch.stage === 'to-read' && reads < READS_MAX) {
        reads++;
        fetch.readStore();
      } else if (fetch.stage === 'to-pull' && mayPull(fetch)) {
        pulling.push(fetch);
        bytes += fetch.inFlightBytesMax;
        fetch.startPull();
      }
    }
  }

  #collect(): void {
    for (const [key, fetch] of this.#fetches) {
      if (fetch.outcome === undefined) continue;
      this.#fetches.delete(key);
      for (const { ticket, bytesMax } of fetch.waiters) this.#outbox.push(answerFor(fetch, ticket, bytesMax));
      if (!fetch.pulled) continue;
      const error = 'error' in fetch.outcome ? fetch.outcome.error : '';
      this.#ports.journal.event('blob-pulled', { hash: fetch.hash, error });
    }
  }

  #refuse({ hash, waiter }: Wish): void {
    const error = `busy: ${FETCHES_MAX} fetches are under way`;
    this.#outbox.push({ kind: 'blob', ticket: waiter.ticket, hash, bytes: undefined, error });
  }

  #rearm(): void {
    let wakeAtMs = this.#outbox.length > 0 ? 0 : Number.POSITIVE_INFINITY;
    for (const fetch of this.#fetches.values()) {
      wakeAtMs = Math.min(wakeAtMs, fetch.outcome === undefined ? fetch.wakeAtMs : 0);
    }
    if (wakeAtMs < Number.POSITIVE_INFINITY) {
      this.#ports.clock.wakeAt(Math.max(wakeAtMs, this.#ports.clock.nowMs()));
    }
  }

  #hostOfFetch(): FetchHost {
    const requestsTo = this.#requestsTo;
    const slow = this.#slow;
    return {
      ports: this.#ports,
      tickets: this.#tickets,
      isFree: (peer) => (requestsTo.get(peer) ?? 0) < REQUESTS_PER_PEER_MAX,
      isSlow: (peer) => slow.has(peer),
      answered(peer, afterMs) {
        if (afterMs > SLOW_ANSWER_MS) slow.add(peer);
        else slow.delete(peer);
      },
      occupy(peer, change) {
        const count = (requestsTo.get(peer) ?? 0) + change;
        if (count > 0) requestsTo.set(peer, count);
        else requestsTo.delete(peer);
      },
    };
  }
}

function answerFor(fetch: BlobFetch, ticket: Ticket, bytesMax: number): BlobEvent {
  const { hash, outcome } = fetch;
  assert(outcome !== undefined);
  if ('error' in outcome) return { kind: 'blob', ticket, hash, bytes: undefined, error: outcome.error };
  if (outcome.bytes.length <= bytesMax) {
    return { kind: 'blob', ticket, hash, bytes: outcome.bytes, error: undefined };
  }
  const error = `too large: ${outcome.bytes.length} bytes`;
  return { kind: 'blob', ticket, hash, bytes: undefined, error };
}
