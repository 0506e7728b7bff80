// What happened, kept twice: as one hash over every event (time, peer, kind, bytes), by which two runs are compared, and
// as the last lines of each peer, by which a failure is explained.
import { createHash } from 'node:crypto';

/** Lines kept of each peer. */
const LINES_MAX = 50;
const ENTRY_BYTES = 24;
const BUFFERED_ENTRIES = 4_096;

export interface TraceLine {
  readonly atMs: number;
  readonly peer: string;
  readonly kind: string;
  readonly text: string;
}

type Text = string | (() => string);

interface Ring {
  readonly lines: (Omit<TraceLine, 'text'> & { readonly text: Text })[];
  next: number;
}

export class Trace {
  readonly #nowMs: () => number;
  readonly #hash = createHash('sha256');
  readonly #buffer = new DataView(new ArrayBuffer(ENTRY_BYTES * BUFFERED_ENTRIES));
  readonly #rings = new Map<string, Ring>();
  readonly #names = new Map<string, number>();
  #filled = 0;
  #digest: string | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /**
   * One event of a peer. `bytes` are how many it moved, `check` a number that depends on their content: both go into the
   * hash. `text` is for people; a function is called only when somebody reads it.
   */
  event(
    peer: string,
    kind: string,
    detail: { readonly bytes?: number; readonly check?: number; readonly text?: Text } = {},
  ): void {
    const at = ENTRY_BYTES * this.#filled;
    this.#buffer.setFloat64(at, this.#nowMs(), true);
    this.#buffer.setUint32(at + 8, this.#number(peer), true);
    this.#buffer.setUint32(at + 12, this.#number(kind), true);
    this.#buffer.setUint32(at + 16, detail.bytes ?? 0, true);
    this.#buffer.setUint32(at + 20, detail.check ?? 0, true);
    this.#filled += 1;
    if (this.#filled === BUFFERED_ENTRIES) this.#flush();
    this.#keep(peer, { atMs: this.#nowMs(), peer, kind, text: detail.text ?? '' });
  }

  /** SHA-256 over all events so far, hex. Ends the trace. */
  digest(): string {
    this.#flush();
    this.#digest ??= this.#hash.digest('hex');
    return this.#digest;
  }

  /** The last lines of these peers, in the order of time. */
  lastOf(peers: readonly string[]): readonly TraceLine[] {
    const kept = peers.flatMap((peer) => {
      const ring = this.#rings.get(peer);
      return ring === undefined ? [] : [...ring.lines.slice(ring.next), ...ring.lines.slice(0, ring.next)];
    });
    return kept
      .map((line) => ({ ...line, text: typeof line.text === 'string' ? line.text : line.text() }))
      .sort((a, b) => a.atMs - b.atMs);
  }

  #keep(peer: string, line: Ring['lines'][number]): void {
    let ring = this.#rings.get(peer);
    if (ring === undefined) {
      ring = { lines: [], next: 0 };
      this.#rings.set(peer, ring);
    }
    ring.lines[ring.next] = line;
    ring.next = (ring.next + 1) % LINES_MAX;
  }

  /** Names by the order of their first use, which is part of what is hashed. */
  #number(name: string): number {
    const known = this.#names.get(name);
    if (known !== undefined) return known;
    this.#names.set(name, this.#names.size);
    this.#hash.update(`${name}\n`);
    return this.#names.size - 1;
  }

  #flush(): void {
    if (this.#digest !== undefined || this.#filled === 0) return;
    this.#hash.update(new Uint8Array(this.#buffer.buffer, 0, ENTRY_BYTES * this.#filled));
    this.#filled = 0;
  }
}
