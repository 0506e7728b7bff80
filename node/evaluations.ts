// Evaluates the newest shared model on the node's own test data, one at a time: while one is under way newer
// models wait, and only the newest of them is evaluated next. Its tickets are negative, apart from the machines'.
import type { Learner, PortEvent, Ticket } from '../protocols/index.ts';
import type { NodeEvents } from './api.ts';

interface Subject {
  readonly generation: number;
  /** Digest of the model. */
  readonly model: string;
}

interface Hooks {
  /** The newest model; `undefined` before there is one. */
  readonly newest: () => (Subject & { readonly weights: Float32Array }) | undefined;
  readonly evaluated: (detail: NodeEvents['evaluated']) => void;
  readonly failed: (error: string) => void;
}

export class Evaluations {
  readonly #learner: Pick<Learner, 'evaluate'>;
  readonly #hooks: Hooks;
  #asked = 0;
  #subject: (Subject & { readonly ticket: Ticket }) | undefined;
  #last: string | undefined;

  constructor(learner: Pick<Learner, 'evaluate'>, hooks: Hooks) {
    this.#learner = learner;
    this.#hooks = hooks;
  }

  /** There is a newer model. */
  next(): void {
    const newest = this.#subject === undefined ? this.#hooks.newest() : undefined;
    if (newest === undefined || newest.model === this.#last) return;
    const { generation, model, weights } = newest;
    this.#asked += 1;
    this.#last = model;
    this.#subject = { ticket: -this.#asked, generation, model };
    this.#learner.evaluate(weights, this.#subject.ticket);
  }

  /** True when the event was an answer to one of these evaluations. */
  handle(event: PortEvent): boolean {
    const subject = this.#subject;
    if (!('ticket' in event) || event.ticket >= 0) return false;
    this.#subject = undefined;
    if (event.kind === 'evaluated' && subject?.ticket === event.ticket) {
      const { accuracy, loss } = event;
      this.#hooks.evaluated({ generation: subject.generation, digest: subject.model, accuracy, loss });
    } else if (event.kind === 'failed') {
      this.#hooks.failed(event.error);
    }
    this.next();
    return true;
  }
}
