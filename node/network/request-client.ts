// Our questions to peers: one stream each, a deadline each, a few at a time with one peer. Every question ends
// in exactly one `response` event, later than the call that asked, whatever happens to peer and stream.
import assert from 'node:assert/strict';
import type { Stream } from '@libp2p/interface';
import type { Call, PeerId, PortEvent, Ticket } from '../../protocols/index.ts';
import {
  FRAME_BYTES_MAX,
  REQUESTS_PENDING_MAX,
  REQUESTS_PER_PEER_MAX,
  STREAMS_PER_CONNECTION_MAX,
} from './constants.ts';
import { finish, frameStream, isFrameFault } from './frames.ts';
import type { Host } from './host.ts';
import type { NetworkNames } from './names.ts';
import { peerText } from './names.ts';
import { statusOk } from './request-server.ts';

export interface RequestClientOptions {
  readonly host: Host;
  readonly names: NetworkNames;
  deliver(event: PortEvent): void;
  /** A peer answered with a frame that no correct peer sends. */
  misbehaved(peer: PeerId, reason: string): void;
}

export interface Question {
  readonly to: PeerId;
  readonly call: Call;
  readonly bytes: Uint8Array;
  readonly deadlineMs: number;
  readonly ticket: Ticket;
}

interface Pending extends Question {
  readonly abort: AbortController;
  readonly timer: NodeJS.Timeout;
}

interface Lane {
  active: number;
  readonly waiting: Pending[];
}

export class RequestClient {
  readonly #options: RequestClientOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #pending = new Set<Pending>();

  constructor(options: RequestClientOptions) {
    this.#options = options;
  }

  ask(question: Question): void {
    assert(question.bytes.length <= FRAME_BYTES_MAX, 'a request is larger than a frame');
    if (this.#pending.size >= REQUESTS_PENDING_MAX) {
      const { ticket, to: from } = question;
      queueMicrotask(() => this.#options.deliver({ kind: 'response', ticket, from, bytes: undefined }));
      return;
    }
    const timer = setTimeout(() => this.#settle(pending, undefined), question.deadlineMs);
    const pending: Pending = { ...question, abort: new AbortController(), timer };
    this.#pending.add(pending);
    const lane = this.#laneOf(pending);
    lane.waiting.push(pending);
    queueMicrotask(() => this.#advance(lane));
  }

  /** All open questions are answered with nothing. */
  stop(): void {
    for (const pending of [...this.#pending]) this.#settle(pending, undefined);
  }

  #laneOf(question: Question): Lane {
    const key = `${question.call} ${question.to}`;
    const known = this.#lanes.get(key);
    if (known !== undefined) return known;
    const lane: Lane = { active: 0, waiting: [] };
    this.#lanes.set(key, lane);
    return lane;
  }

  #advance(lane: Lane): void {
    while (lane.waiting.length > 0) {
      const pending = lane.waiting[0];
      if (lane.active >= REQUESTS_PER_PEER_MAX[pending.call]) return;
      lane.waiting.shift();
      if (this.#pending.has(pending)) this.#start(lane, pending);
    }
  }

  #start(lane: Lane, pending: Pending): void {
    lane.active += 1;
    void this.#exchange(pending).then((bytes) => {
      lane.active -= 1;
      this.#settle(pending, bytes);
      if (lane.active === 0 && lane.waiting.length === 0) this.#lanes.delete(`${pending.call} ${pending.to}`);
      else this.#advance(lane);
    });
  }

  /** Answers the question unless it was answered before. */
  #settle(pending: Pending, bytes: Uint8Array | undefined): void {
    if (!this.#pending.delete(pending)) return;
    clearTimeout(pending.timer);
    if (bytes === undefined) pending.abort.abort();
    this.#options.deliver({ kind: 'response', ticket: pending.ticket, from: pending.to, bytes });
  }

  /** Never rejects. */
  async #exchange(pending: Pending): Promise<Uint8Array | undefined> {
    const { signal } = pending.abort;
    let stream: Stream | undefined;
    try {
      stream = await this.#open(pending);
      if (stream === undefined) return undefined;
      const frames = frameStream(stream);
      await frames.writeLast([pending.bytes], signal);
      const answer = await frames.read(signal);
      return answer[0] === statusOk ? answer.subarray(1) : undefined;
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error('request failed'));
      if (isFrameFault(error)) this.#options.misbehaved(pending.to, 'malformed-response');
      return undefined;
    } finally {
      if (stream !== undefined) finish(stream);
    }
  }

  async #open(pending: Pending): Promise<Stream | undefined> {
    const { host, names } = this.#options;
    const connection = host
      .getConnections()
      .find((open) => peerText(open.remotePeer) === pending.to && open.status === 'open');
    return connection?.newStream([names.calls[pending.call]], {
      signal: pending.abort.signal,
      maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
    });
  }
}
