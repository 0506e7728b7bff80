// The network of a swarm: every pair of members has a link that delays, loses gossip and can be cut. Gossip goes
// straight to everybody; what is lost there, anti-entropy must find.
import type { DeltaSet, Network, PeerId, PortEvent, Transfer } from '../../protocols/index.ts';
import type { World } from './world.ts';

/** What a link ends at: the machines of a member, while it lives. */
export interface Endpoint {
  readonly id: PeerId;
  readonly machine: DeltaSet | undefined;
  readonly transfer: Transfer | undefined;
}

export interface LinkOptions {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  /** Share of gossip deliveries that are lost, and of requests that get no answer. */
  readonly loss: number;
}

export class Links {
  readonly #world: World;
  readonly #options: LinkOptions;
  readonly #members = new Map<PeerId, Endpoint>();
  /** Which side of a cut a member is on; members of one side hear one another. */
  #side: (id: PeerId) => number = () => 0;
  readonly penalties: string[] = [];

  constructor(world: World, options: LinkOptions) {
    this.#world = world;
    this.#options = options;
  }

  joined(member: Endpoint): void {
    this.#members.set(member.id, member);
    this.#announce(member, 'joined');
  }

  left(member: Endpoint): void {
    this.#members.delete(member.id);
    this.#announce(member, 'left');
  }

  /** Cuts the network in two or more; all on side 0 heals it. */
  cut(side: (id: PeerId) => number): void {
    const before = this.#side;
    this.#side = side;
    for (const a of this.#members.values()) {
      for (const b of this.#members.values()) {
        if (a === b) continue;
        const was = before(a.id) === before(b.id);
        const is = side(a.id) === side(b.id);
        if (was && !is) a.machine?.handle({ kind: 'peers', joined: [], left: [b.id] });
        if (!was && is) a.machine?.handle({ kind: 'peers', joined: [b.id], left: [] });
      }
    }
  }

  #hears(from: PeerId, to: PeerId): boolean {
    return this.#members.has(from) && this.#members.has(to) && this.#side(from) === this.#side(to);
  }

  #announce(member: Endpoint, what: 'joined' | 'left'): void {
    for (const other of this.#members.values()) {
      if (other === member || this.#side(other.id) !== this.#side(member.id)) continue;
      const empty = { kind: 'peers', joined: [], left: [] } as const;
      this.#world.after(this.#latency(), () => other.machine?.handle({ ...empty, [what]: [member.id] }));
      if (what === 'left') continue;
      this.#world.after(this.#latency(), () => member.machine?.handle({ ...empty, joined: [other.id] }));
    }
  }

  #latency(): number {
    const { latencyMinMs, latencyMaxMs } = this.#options;
    return latencyMinMs + this.#world.random.float() * (latencyMaxMs - latencyMinMs);
  }

  #lost(): boolean {
    return this.#world.random.float() < this.#options.loss;
  }

  port(member: Endpoint, deliver: (event: PortEvent) => void): Network {
    const self = member.id;
    return {
      self,
      peers: () => [...this.#members.keys()].filter((id) => id !== self && this.#hears(self, id)).sort(),
      publish: (bytes) => {
        for (const id of [...this.#members.keys()].sort()) {
          if (id === self || this.#lost()) continue;
          const copies = this.#world.random.below(4) === 0 ? 2 : 1;
          for (let copy = 0; copy < copies; copy++) {
            this.#world.after(this.#latency(), () => {
              if (this.#hears(self, id)) this.#members.get(id)?.machine?.receive(self, bytes);
            });
          }
        }
      },
      request: (to, call, bytes, deadlineMs, ticket) => {
        let answered = false;
        const answer = (response: Uint8Array | undefined): void => {
          if (answered) return;
          answered = true;
          deliver({ kind: 'response', ticket, from: to, bytes: response });
        };
        this.#world.after(deadlineMs, () => answer(undefined));
        if (this.#lost()) return;
        this.#world.after(this.#latency(), () => {
          const other = this.#hears(self, to) ? this.#members.get(to) : undefined;
          const server = call === 'sync' ? other?.machine : other?.transfer;
          server?.serve(self, call, bytes, (response) => {
            this.#world.after(this.#latency(), () => answer(response));
          });
        });
      },
      penalise: (peer, reason) => this.penalties.push(`${peer} ${reason}`),
    };
  }
}
