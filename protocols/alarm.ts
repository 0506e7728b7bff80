// A clock for a machine of several parts: each may wish to be woken, and the earliest wish holds.
import type { Clock } from './ports.ts';

export class Alarm implements Clock {
  readonly #clock: Clock;
  #atMs = Number.POSITIVE_INFINITY;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wakeAt(atMs: number): void {
    if (atMs >= this.#atMs) return;
    this.#atMs = atMs;
    this.#clock.wakeAt(atMs);
  }

  /** To be called first thing in `tick`: the wish has been fulfilled. */
  rang(): void {
    this.#atMs = Number.POSITIVE_INFINITY;
  }
}
