// Peers learnt from peers: a member asked sends the addresses of members that it is connected with, as text, one
// address a line. Members only: the protocol's name carries the mesh id. Dials nobody itself.
import type { Stream } from '@libp2p/interface';
import {
  ADDRESSES_PER_PEER_MAX,
  EXCHANGE_BYTES_MAX,
  EXCHANGE_DEADLINE_MS,
  EXCHANGE_PEERS_MAX,
  SERVE_RATE,
} from './constants.ts';
import { finish, frameStream } from './frames.ts';
import type { Host } from './host.ts';
import type { Member, Members } from './members.ts';
import { peerText } from './names.ts';
import { RateLimit } from './rate-limit.ts';
import type { Refusals } from './refusals.ts';

export interface PeerExchangeOptions {
  readonly host: Host;
  readonly protocol: string;
  readonly members: Members;
  readonly refusals: Refusals;
  readonly now: () => number;
}

export class PeerExchange {
  readonly #options: PeerExchangeOptions;
  readonly #limit = new RateLimit(SERVE_RATE.peers);

  constructor(options: PeerExchangeOptions) {
    this.#options = options;
  }

  /** Before the host starts. */
  async register(): Promise<void> {
    const { host, protocol } = this.#options;
    await host.handle(
      protocol,
      (stream, connection) => this.#answer(stream, peerText(connection.remotePeer)),
      {
        maxInboundStreams: 2,
        maxOutboundStreams: 2,
      },
    );
  }

  /** The addresses that one member names; none when it does not answer. Never rejects. */
  async ask(member: Member): Promise<readonly string[]> {
    const { host, protocol } = this.#options;
    const signal = AbortSignal.timeout(EXCHANGE_DEADLINE_MS);
    let stream: Stream | undefined;
    try {
      const connection = host.getConnections(member.id).find((open) => open.status === 'open');
      stream = await connection?.newStream([protocol], { signal });
      if (stream === undefined) return [];
      const frames = frameStream(stream, EXCHANGE_BYTES_MAX);
      await stream.close({ signal });
      return readList(await frames.read(signal));
    } catch (error) {
      stream?.abort(error instanceof Error ? error : new Error('peers request failed'));
      return [];
    } finally {
      if (stream !== undefined) finish(stream);
    }
  }

  async #answer(stream: Stream, asker: string): Promise<void> {
    const signal = AbortSignal.timeout(EXCHANGE_DEADLINE_MS);
    try {
      const admitted = this.#limit.admit(asker, this.#options.now());
      if (!admitted) this.#options.refusals.count('request-rate-limited');
      const others = admitted ? this.#options.members.all().filter((member) => member.peer !== asker) : [];
      await frameStream(stream).writeLast([writeList(others)], signal);
    } catch (error) {
      stream.abort(error instanceof Error ? error : new Error('peers answer failed'));
    } finally {
      finish(stream);
    }
  }
}

/** A random choice where not all fit, so that two askers learn of different members. */
function writeList(members: readonly Member[]): Uint8Array {
  const chosen = [...members].sort(() => Math.random() - 0.5).slice(0, EXCHANGE_PEERS_MAX);
  let text = '';
  for (const address of chosen.flatMap((member) => member.addresses.slice(0, ADDRESSES_PER_PEER_MAX))) {
    const line = `${address}\n`;
    if (text.length + line.length > EXCHANGE_BYTES_MAX) break;
    text += line;
  }
  return Buffer.from(text);
}

/** Lines as they are; whether one is an address is judged by whoever learns it. */
function readList(bytes: Uint8Array): readonly string[] {
  const lines = Buffer.from(bytes).toString('utf8').split('\n');
  return lines.filter((line) => line !== '').slice(0, EXCHANGE_PEERS_MAX * ADDRESSES_PER_PEER_MAX);
}
