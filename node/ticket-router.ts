// One network, several machines: each numbers its questions by itself, so an answer must find both the machine and
// its own number again.
import type { Network, PortEvent, Ticket } from '../protocols/index.ts';

type Deliver = (event: PortEvent) => void;

export class TicketRouter {
  #next: Ticket = 1;
  readonly #open = new Map<Ticket, { readonly ticket: Ticket; readonly deliver: Deliver }>();
  readonly #everybody: Deliver[] = [];

  /** A view of the network whose answers go to `deliver`, with the tickets that were given. */
  port(network: Network, deliver: Deliver): Network {
    this.#everybody.push(deliver);
    return {
      self: network.self,
      peers: () => network.peers(),
      publish: (bytes) => network.publish(bytes),
      penalise: (peer, reason) => network.penalise(peer, reason),
      request: (to, call, bytes, deadlineMs, ticket) => {
        const outer = this.#next++;
        this.#open.set(outer, { ticket, deliver });
        network.request(to, call, bytes, deadlineMs, outer);
      },
    };
  }

  /** An event of the network: a response to one machine, anything else to all. */
  deliver(event: PortEvent): void {
    if (event.kind !== 'response') {
      for (const deliver of this.#everybody) deliver(event);
      return;
    }
    const asked = this.#open.get(event.ticket);
    this.#open.delete(event.ticket);
    asked?.deliver({ ...event, ticket: asked.ticket });
  }
}
