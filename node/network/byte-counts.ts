// Counts every byte of the raw connections (handshake, multiplexing, encryption, duplicates, all of it) and,
// within them, the payload of gossip and transfer streams. Given to libp2p in place of a metrics library.
import assert from 'node:assert/strict';
import type {
  Counter,
  CounterGroup,
  Histogram,
  HistogramGroup,
  MessageStream,
  Metric,
  MetricGroup,
  Metrics,
  MultiaddrConnection,
  Stream,
  Summary,
  SummaryGroup,
} from '@libp2p/interface';
import { AbstractMessageStream } from '@libp2p/utils';
import type { ByteCounts } from '../api.ts';

interface Tally {
  total: number;
  gossip: number;
  transfer: number;
}

const stopTimer = (): void => {};
const ignored: Metric &
  MetricGroup &
  Counter &
  CounterGroup &
  Histogram &
  HistogramGroup &
  Summary &
  SummaryGroup = Object.freeze({
  update() {},
  increment() {},
  decrement() {},
  reset() {},
  observe() {},
  timer: () => stopTimer,
});

export class ByteMeter implements Metrics {
  readonly #now: () => number;
  readonly #transferProtocol: string;
  readonly #in: Tally = { total: 0, gossip: 0, transfer: 0 };
  readonly #out: Tally = { total: 0, gossip: 0, transfer: 0 };
  /** When a byte last came in, for every open raw connection. */
  readonly #heardMs = new Map<MultiaddrConnection, number>();

  constructor(options: { readonly transferProtocol: string; readonly now: () => number }) {
    this.#now = options.now;
    this.#transferProtocol = options.transferProtocol;
  }

  bytesIn(): ByteCounts {
    return split(this.#in);
  }

  bytesOut(): ByteCounts {
    return split(this.#out);
  }

  /** Raw connections that have brought nothing for this long. */
  silentConnections(silenceMs: number): readonly MultiaddrConnection[] {
    const limitMs = this.#now() - silenceMs;
    return [...this.#heardMs].filter(([, heardMs]) => heardMs < limitMs).map(([connection]) => connection);
  }

  /** Nobody could be heard while we were blocked, so every connection starts afresh. */
  forgiveSilence(): void {
    const nowMs = this.#now();
    for (const connection of this.#heardMs.keys()) this.#heardMs.set(connection, nowMs);
  }

  trackMultiaddrConnection(connection: MultiaddrConnection): void {
    this.#heardMs.set(connection, this.#now());
    connection.addEventListener('close', () => this.#heardMs.delete(connection), { once: true });
    watch(connection, {
      sent: (bytes) => {
        this.#out.total += bytes;
      },
      received: (bytes) => {
        this.#in.total += bytes;
        if (this.#heardMs.has(connection)) this.#heardMs.set(connection, this.#now());
      },
    });
  }

  trackProtocolStream(stream: Stream): void {
    const kind = this.#kindOf(stream.protocol);
    if (kind === undefined) return;
    // What came in the same packet as the negotiation waits in the buffer already.
    this.#in[kind] += stream.readBufferLength;
    watch(stream, {
      sent: (bytes) => {
        this.#out[kind] += bytes;
      },
      received: (bytes) => {
        this.#in[kind] += bytes;
      },
    });
  }

  #kindOf(protocol: string): 'gossip' | 'transfer' | undefined {
    if (protocol.startsWith('/meshsub/')) return 'gossip';
    return protocol === this.#transferProtocol ? 'transfer' : undefined;
  }

  // libp2p offers more to measure than we want; what it registers is answered with one that does nothing.
  registerMetric = (): Metric => ignored;
  registerMetricGroup = (): MetricGroup => ignored;
  registerCounter = (): Counter => ignored;
  registerCounterGroup = (): CounterGroup => ignored;
  registerHistogram = (): Histogram => ignored;
  registerHistogramGroup = (): HistogramGroup => ignored;
  registerSummary = (): Summary => ignored;
  registerSummaryGroup = (): SummaryGroup => ignored;

  traceFunction<F>(_name: string, traced: F): F {
    return traced;
  }

  createTrace(): undefined {
    return undefined;
  }
}

/**
 * Puts counting functions in front of the stream's own. An event listener would not do: the first one takes
 * data that a later one was meant to find, and bytes that are pushed back would count twice.
 */
function watch(
  stream: MessageStream,
  count: { readonly sent: (bytes: number) => void; readonly received: (bytes: number) => void },
): void {
  assert(stream instanceof AbstractMessageStream, 'two copies of @libp2p/utils are installed');
  const send = stream.send.bind(stream);
  const onData = stream.onData.bind(stream);
  stream.send = (data) => {
    count.sent(data.byteLength);
    return send(data);
  };
  stream.onData = (data) => {
    count.received(data.byteLength);
    onData(data);
  };
}

function split(tally: Tally): ByteCounts {
  const control = Math.max(0, tally.total - tally.gossip - tally.transfer);
  return { gossip: tally.gossip, transfer: tally.transfer, control };
}
