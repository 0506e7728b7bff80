// A small seeded world in one process: virtual time, one queue of events, links that lose and delay, disks that
// survive their machines. It is the seed of the simulator to come; a run is a function of its seed.
import { createRandom, type Random } from '../../fusion/index.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class World {
  readonly random: Random;
  readonly trace: string[] = [];
  #nowMs = 0;
  #order = 0;
  readonly #queue: Event[] = [];

  constructor(seed: string) {
    this.random = createRandom(seed);
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): void {
    this.#push({ atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, run });
  }

  note(line: string): void {
    this.trace.push(`${Math.round(this.#nowMs)} ${line}`);
  }

  /** Runs events until the time is up or `done` holds; true when it does. */
  runUntil(atMs: number, done: () => boolean = () => false): boolean {
    while (this.#queue.length > 0 && this.#queue[0].atMs <= atMs) {
      const event = this.#pop();
      this.#nowMs = event.atMs;
      event.run();
      if (done()) return true;
    }
    this.#nowMs = Math.max(this.#nowMs, atMs);
    return done();
  }

  // A binary heap by (time, order of asking): ties never depend on anything else.
  #push(event: Event): void {
    const queue = this.#queue;
    let i = queue.push(event) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (before(queue[parent], event)) break;
      queue[i] = queue[parent];
      i = parent;
    }
    queue[i] = event;
  }

  #pop(): Event {
    const queue = this.#queue;
    const top = queue[0];
    const last = queue.pop();
    if (last === undefined || queue.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= queue.length) break;
      if (child + 1 < queue.length && before(queue[child + 1], queue[child])) child += 1;
      if (before(last, queue[child])) break;
      queue[i] = queue[child];
      i = child;
    }
    queue[i] = last;
    return top;
  }
}

const before = (a: Event, b: Event): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
