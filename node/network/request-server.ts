// Peers' questions to us: rate-limited, one frame in and one out, the first byte of an answer is its status.
// Does not know what is asked; `serve` may answer later, once, or with nothing to refuse.
import assert from 'node:assert/strict';
import type { Connection, Stream } from '@libp2p/interface';
import type { Call, PeerId } from '../../protocols/index.ts';
import {
  FRAME_BYTES_MAX,
  SERVE_DEADLINE_MS,
  SERVE_RATE,
  SERVED_PER_PEER_MAX,
  STREAM_LINGER_MS,
  STREAMS_PER_CONNECTION_MAX,
} from './constants.ts';
import { crash } from './errors.ts';
import { finish, frameStream, isFrameFault } from './frames.ts';
import type { Host } from './host.ts';
import type { NetworkNames } from './names.ts';
import { peerText } from './names.ts';
import { RateLimit } from './rate-limit.ts';
import type { Refusals } from './refusals.ts';

export const statusOk = 0;
export const statusRefused = 1;
export const statusRateLimited = 2;

export type Serve = (
  from: PeerId,
  call: Call,
  bytes: Uint8Array,
  respond: (bytes: Uint8Array | undefined) => void,
) => void;

export interface RequestServerOptions {
  readonly host: Host;
  readonly names: NetworkNames;
  readonly refusals: Refusals;
  readonly serve: Serve;
  readonly now: () => number;
  /** A peer sent a request that no correct peer sends. */
  misbehaved(peer: PeerId, reason: string): void;
}

const calls: readonly Call[] = ['sync', 'blob'];

export class RequestServer {
  readonly #options: RequestServerOptions;
  readonly #limits: Readonly<Record<Call, RateLimit>> = {
    sync: new RateLimit(SERVE_RATE.sync),
    blob: new RateLimit(SERVE_RATE.blob),
  };
  readonly #serving = new Map<PeerId, number>();

  constructor(options: RequestServerOptions) {
    this.#options = options;
  }

  /** Before the host starts, so that identify names the protocols from the first connection on. */
  async register(): Promise<void> {
    const { host, names } = this.#options;
    for (const call of calls) {
      await host.handle(names.calls[call], (stream, connection) => this.#answer(call, stream, connection), {
        maxInboundStreams: STREAMS_PER_CONNECTION_MAX,
        maxOutboundStreams: STREAMS_PER_CONNECTION_MAX,
      });
    }
  }

  /** Never rejects. */
  async #answer(call: Call, stream: Stream, connection: Connection): Promise<void> {
    const from = peerText(connection.remotePeer);
    const signal = AbortSignal.timeout(SERVE_DEADLINE_MS + STREAM_LINGER_MS);
    const frames = frameStream(stream);
    try {
      const request = await frames.read(signal);
      const status = this.#admit(from, call);
      const body = status === statusOk ? await this.#ask({ from, call, request }) : undefined;
      const answered = status === statusOk && body === undefined ? statusRefused : status;
      await frames.writeLast([Uint8Array.of(answered), body ?? new Uint8Array()], signal);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error('request failed'));
      this.#options.refusals.count('request-broken');
      if (isFrameFault(error)) this.#options.misbehaved(from, 'malformed-request');
    } finally {
      finish(stream);
    }
  }

  #admit(from: PeerId, call: Call): number {
    const tooMany = (this.#serving.get(from) ?? 0) >= SERVED_PER_PEER_MAX;
    if (!tooMany && this.#limits[call].admit(from, this.#options.now())) return statusOk;
    this.#options.refusals.count('request-rate-limited');
    return statusRateLimited;
  }

  /** Resolves with the first thing that is said, or with nothing at the deadline. */
  async #ask(question: {
    readonly from: PeerId;
    readonly call: Call;
    readonly request: Uint8Array;
  }): Promise<Uint8Array | undefined> {
    const { from, call, request } = question;
    this.#serving.set(from, (this.#serving.get(from) ?? 0) + 1);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise((resolve) => {
        timer = setTimeout(() => resolve(undefined), SERVE_DEADLINE_MS);
        timer.unref();
        try {
          this.#options.serve(from, call, request, (bytes) => {
            assert((bytes?.length ?? 0) < FRAME_BYTES_MAX, 'a response is larger than a frame');
            resolve(bytes);
          });
        } catch (error) {
          crash(error);
          resolve(undefined);
        }
      });
    } finally {
      clearTimeout(timer);
      const left = (this.#serving.get(from) ?? 1) - 1;
      if (left === 0) this.#serving.delete(from);
      else this.#serving.set(from, left);
    }
  }
}
