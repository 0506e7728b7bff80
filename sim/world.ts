// Virtual time and the one queue of everything that will happen. Ties go by the order of asking, so a run is a function
// of its seed and of nothing else: no clock, no thread and no promise decides what comes first.
import { createRandom, type Random } from '../fusion/index.ts';
import { EventQueue } from './event-queue.ts';
import { Trace } from './trace.ts';

export class World {
  /** Fork it by name: a new use must not shift the draws of the others. */
  readonly random: Random;
  readonly trace: Trace;
  readonly #queue = new EventQueue();
  #nowMs = 0;
  #events = 0;

  constructor(seed: string) {
    this.random = createRandom(seed);
    this.trace = new Trace(() => this.#nowMs);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  /** Events that are still to come. */
  get queued(): number {
    return this.#queue.size;
  }

  /** A run that gives a promise stops time until it has settled: work on other threads never changes an outcome. */
  after(delayMs: number, run: () => void | Promise<void>): void {
    this.#queue.push(this.#nowMs + Math.max(0, delayMs), run);
  }

  /** Runs events until this time, or until `done` holds after one of them; true when it does. */
  async runUntil(atMs: number, done: () => boolean = () => false): Promise<boolean> {
    while (this.#queue.nextAtMs <= atMs) {
      const run = this.#step();
      if (run instanceof Promise) await run;
      if (done()) return true;
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
    return done();
  }

  #step(): void | Promise<void> {
    const { atMs, run } = this.#queue.pop();
    this.#nowMs = atMs;
    this.#events += 1;
    return run();
  }
}
