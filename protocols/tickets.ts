// Remembers what to do with an answer. One table a machine: a ticket is used once, and an answer that nobody
// waits for any more (the machine was stopped) is dropped.
import type { PortEvent, Ticket } from './ports.ts';

export class Tickets {
  #next: Ticket = 1;
  readonly #waiting = new Map<Ticket, (event: PortEvent) => void>();

  /** A fresh ticket whose answer goes to `then`. */
  issue(then: (event: PortEvent) => void): Ticket {
    const ticket = this.#next++;
    this.#waiting.set(ticket, then);
    return ticket;
  }

  resolve(event: PortEvent & { readonly ticket: Ticket }): void {
    const then = this.#waiting.get(event.ticket);
    this.#waiting.delete(event.ticket);
    then?.(event);
  }

  clear(): void {
    this.#waiting.clear();
  }
}
