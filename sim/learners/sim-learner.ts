// The simulated `Learner`: work done by whoever does it, heard when the member's own speed says so.

import assert from 'node:assert/strict';
import type { Learner, PortEvent, Ticket, TrainJob } from '../../protocols/index.ts';
import { SimError } from '../errors.ts';
import type { World } from '../world.ts';
import type { RoundDue, RoundWork } from './work.ts';

export interface SimLearnerOptions {
  readonly world: World;
  readonly work: RoundWork;
  /** Virtual milliseconds of the next round. */
  readonly roundMs: () => number;
  readonly alive: (run: () => void) => () => void;
  readonly deliver: (event: PortEvent) => void;
}

/** An evaluation takes next to nothing beside a round. */
const EVALUATION_MS = 1;

export class SimLearner implements Learner {
  readonly samples: number;
  readonly #options: SimLearnerOptions;

  constructor(options: SimLearnerOptions) {
    this.#options = options;
    this.samples = options.work.samples;
  }

  train(job: TrainJob): void {
    const { work, roundMs } = this.#options;
    const { ticket } = job;
    if (work.samples === 0) {
      this.#answer(EVALUATION_MS, { kind: 'failed', ticket, error: 'this member has no training data' });
      return;
    }
    this.#later(
      ticket,
      roundMs(),
      (due) => work.train(job, due),
      (trained) => ({ kind: 'trained', ticket, ...trained }),
    );
  }

  evaluate(model: Float32Array, ticket: Ticket): void {
    const { work } = this.#options;
    this.#later(
      ticket,
      EVALUATION_MS,
      () => work.evaluate(model),
      (score) => ({ kind: 'evaluated', ticket, ...score }),
    );
  }

  restore(state: Uint8Array): void {
    this.#options.work.restore(state);
  }

  /** The work begins now; at its time the world waits for it, if it is not done yet. */
  #later<T>(
    ticket: Ticket,
    delayMs: number,
    begin: (due: RoundDue) => T | Promise<T>,
    event: (value: T) => PortEvent,
  ): void {
    const { world, alive, deliver } = this.#options;
    const failed = (error: unknown): PortEvent => {
      // Not the member's failure but that of the machine under the simulation, or ours: no outcome may come of it.
      if (error instanceof SimError || error instanceof assert.AssertionError) throw error;
      return { kind: 'failed', ticket, error: String(error) };
    };
    let outcome: PortEvent | Promise<PortEvent>;
    let hurry = (): void => {};
    const whenAwaited = (run: () => void): void => {
      hurry = run;
    };
    try {
      const value = begin({ atMs: world.nowMs + delayMs, whenAwaited });
      outcome = value instanceof Promise ? value.then(event, failed) : event(value);
    } catch (error) {
      outcome = failed(error);
    }
    // It is awaited at its time only, and may have failed long before.
    if (outcome instanceof Promise) outcome.catch(() => undefined);
    const hear = (heard: PortEvent): void => alive(() => deliver(heard))();
    world.after(delayMs, () => {
      if (!(outcome instanceof Promise)) return hear(outcome);
      hurry();
      return outcome.then(hear);
    });
  }

  #answer(delayMs: number, event: PortEvent): void {
    const { world, alive, deliver } = this.#options;
    world.after(
      delayMs,
      alive(() => deliver(event)),
    );
  }
}
