// Payloads of recent records in memory, bounded by bytes; the longest unused goes first. The store has them all.
import type { Hash } from '../ports.ts';

export class PayloadCache {
  readonly #bytesMax: number;
  readonly #entries = new Map<Hash, Uint8Array>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes;
  }

  get(hash: Hash): Uint8Array | undefined {
    const payload = this.#entries.get(hash);
    // Who came last matters only where something must go.
    if (payload !== undefined && this.#bytes > this.#bytesMax / 2) {
      this.#entries.delete(hash);
      this.#entries.set(hash, payload);
    }
    return payload;
  }

  set(hash: Hash, payload: Uint8Array): void {
    if (this.#entries.has(hash)) return;
    this.#entries.set(hash, payload);
    this.#bytes += payload.length;
    for (const [oldest, bytes] of this.#entries) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#entries.delete(oldest);
      this.#bytes -= bytes.length;
    }
  }
}
