// The real clock behind the `Clock` port. It gives time since the process began, never the time of day: no
// machine may decide anything by what o'clock it is.
import { performance } from 'node:perf_hooks';
import type { Clock } from '../protocols/index.ts';

/** Node's timers take no more than this many milliseconds. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;

export interface NodeClock {
  nowMs(): number;
  /** One machine's clock; `onTick` is its `tick`. */
  port(onTick: () => void): Clock;
  /** No tick comes after this. */
  stop(): void;
}

export function createClock(): NodeClock {
  const ports = new Set<ClockPort>();
  let stopped = false;
  return {
    nowMs: () => performance.now(),
    port(onTick) {
      const port = new ClockPort(onTick, () => stopped);
      ports.add(port);
      return port;
    },
    stop() {
      stopped = true;
      for (const port of ports) port.cancel();
      ports.clear();
    },
  };
}

class ClockPort implements Clock {
  readonly #onTick: () => void;
  readonly #isStopped: () => boolean;
  #timer: NodeJS.Timeout | undefined;
  #wakeAtMs = 0;

  constructor(onTick: () => void, isStopped: () => boolean) {
    this.#onTick = onTick;
    this.#isStopped = isStopped;
  }

  nowMs(): number {
    return performance.now();
  }

  wakeAt(atMs: number): void {
    if (this.#isStopped()) return;
    this.cancel();
    this.#wakeAtMs = atMs;
    this.#arm();
  }

  cancel(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #arm(): void {
    const delayMs = Math.ceil(Math.max(0, this.#wakeAtMs - performance.now()));
    this.#timer = setTimeout(() => this.#fire(), Math.min(delayMs, TIMEOUT_MAX_MS));
  }

  #fire(): void {
    this.#timer = undefined;
    // Timers may fire a millisecond early, and a wish beyond their range is reached in several steps.
    if (performance.now() < this.#wakeAtMs) this.#arm();
    else this.#onTick();
  }
}
