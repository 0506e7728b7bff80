// The Network port of the protocols over a real host. Translates and delivers; decides nothing.
import type { Call, Network, PeerId, PortEvent, Ticket } from '../../protocols/index.ts';
import type { MeshGossip } from './gossip.ts';
import type { Host } from './host.ts';
import type { Members } from './members.ts';
import { peerText } from './names.ts';
import type { RequestClient } from './request-client.ts';

export interface NetworkPortOptions {
  readonly host: Host;
  readonly gossip: MeshGossip;
  readonly members: Members;
  readonly requests: RequestClient;
  penalise(peer: PeerId, reason: string): void;
}

export function createNetworkPort(options: NetworkPortOptions): Network {
  const { host, gossip, members, requests } = options;
  return {
    self: peerText(host.peerId),
    peers: () => members.list(),
    publish: (bytes) => gossip.publish(bytes),
    request: (to: PeerId, call: Call, bytes: Uint8Array, deadlineMs: number, ticket: Ticket) =>
      requests.ask({ to, call, bytes, deadlineMs, ticket }),
    penalise: (peer, reason) => options.penalise(peer, reason),
  };
}

/**
 * Gathers joins and leaves into one `peers` event after the call that caused them, so that a machine is never
 * entered from inside itself.
 */
export class PeerChanges {
  readonly #deliver: (event: PortEvent) => void;
  readonly #joined = new Set<PeerId>();
  readonly #left = new Set<PeerId>();
  #scheduled = false;

  constructor(deliver: (event: PortEvent) => void) {
    this.#deliver = deliver;
  }

  joined(peer: PeerId): void {
    if (!this.#left.delete(peer)) this.#joined.add(peer);
    this.#schedule();
  }

  left(peer: PeerId): void {
    if (!this.#joined.delete(peer)) this.#left.add(peer);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      const event = {
        kind: 'peers',
        joined: [...this.#joined].sort(),
        left: [...this.#left].sort(),
      } as const;
      this.#joined.clear();
      this.#left.clear();
      if (event.joined.length + event.left.length > 0) this.#deliver(event);
    });
  }
}
