// Generic cell rate algorithm (ITU-T I.371): one timestamp a key says how far it has spent its future.
// Does not know what is being limited, nor the time of day.

export interface RateLimitOptions {
  readonly perSecond: number;
  /** How many may come at once after a pause. */
  readonly burst: number;
}

const KEYS_MAX = 2_048;

export class RateLimit {
  readonly #spacingMs: number;
  readonly #toleranceMs: number;
  /** When the key's next cell would be exactly on time. */
  readonly #dueMs = new Map<string, number>();

  constructor(options: RateLimitOptions) {
    this.#spacingMs = 1000 / options.perSecond;
    this.#toleranceMs = this.#spacingMs * (options.burst - 1);
  }

  /** True, and counted, if one more may pass now. */
  admit(key: string, nowMs: number): boolean {
    const dueMs = Math.max(this.#dueMs.get(key) ?? 0, nowMs);
    if (dueMs - nowMs > this.#toleranceMs) return false;
    if (this.#dueMs.size >= KEYS_MAX) this.#forget(nowMs);
    this.#dueMs.set(key, dueMs + this.#spacingMs);
    return true;
  }

  /** Keys whose time has passed are as good as unknown. At the limit all are forgotten: too kind, never too hard. */
  #forget(nowMs: number): void {
    for (const [key, dueMs] of this.#dueMs) if (dueMs <= nowMs) this.#dueMs.delete(key);
    if (this.#dueMs.size >= KEYS_MAX) this.#dueMs.clear();
  }
}
