// The network of a swarm: every pair of members has a link that delays, loses gossip and can be cut. Gossip goes
// straight to everybody; what is lost there, anti-entropy must find.
import assert from 'node:assert/strict';
import { hashOf } from '../../node/hash.ts';
import { REFUSAL_MS } from '../../node/network/constants.ts';
import { Penalties } from '../../node/network/penalties.ts';
import {
  GOSSIP_BYTES_MAX,
  type Machine,
  type Network,
  type PeerId,
  type PortEvent,
} from '../../protocols/index.ts';
import type { World } from './world.ts';

/** What a link ends at: the machines of a member, while it lives. */
export interface Endpoint {
  readonly id: PeerId;
  readonly machine: Pick<Machine, 'receive' | 'serve' | 'handle'> | undefined;
  readonly transfer: Pick<Machine, 'serve'> | undefined;
}

export interface LinkOptions {
  readonly latencyMinMs: number;
  readonly latencyMaxMs: number;
  /** Share of gossip deliveries that are lost, and of requests that get no answer. */
  readonly loss: number;
  /** Whether some gossip comes twice, as it may from real neighbours long afterwards. Default true. */
  readonly repeats?: boolean;
}

export class Links {
  readonly #world: World;
  readonly #options: LinkOptions;
  readonly #members = new Map<PeerId, Endpoint>();
  /** Which side of a cut a member is on; members of one side hear one another. */
  #side: (id: PeerId) => number = () => 0;
  /** What each member holds against the others, by the rules of real nodes. */
  readonly #judges = new Map<PeerId, Penalties>();
  /** Who knows a message, by its hash; kept only where nothing comes twice. */
  readonly #knowing = new Map<string, Set<PeerId>>();
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
    const areThere = this.#members.has(from) && this.#members.has(to);
    return (
      areThere && this.#side(from) === this.#side(to) && !this.#refuses(from, to) && !this.#refuses(to, from)
    );
  }

  #refuses(judge: PeerId, peer: PeerId): boolean {
    return this.#judges.get(judge)?.isRefused(peer) === true;
  }

  #penalise(judge: PeerId, peer: PeerId, reason: string): void {
    this.penalties.push(`${peer} ${reason}`);
    const penalties = this.#judges.get(judge) ?? new Penalties(() => this.#world.nowMs);
    this.#judges.set(judge, penalties);
    const wereConnected = this.#hears(judge, peer);
    if (penalties.charge(peer, reason) !== 'refused') return;
    const tellBoth = (what: 'joined' | 'left'): void => {
      for (const [to, of] of [[judge, peer] as const, [peer, judge] as const])
        this.#members.get(to)?.machine?.handle({ kind: 'peers', joined: [], left: [], [what]: [of] });
    };
    if (wereConnected) this.#world.after(0, () => tellBoth('left'));
    this.#world.after(REFUSAL_MS, () => {
      if (this.#hears(judge, peer)) tellBoth('joined');
    });
  }

  /** Whether this is news to the member. */
  #isNews(id: PeerId, bytes: Uint8Array): boolean {
    if (this.#options.repeats !== false) return true;
    const hash = hashOf(bytes);
    const knowing = this.#knowing.get(hash) ?? new Set();
    this.#knowing.set(hash, knowing);
    return knowing.size < knowing.add(id).size;
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
        assert(bytes.length <= GOSSIP_BYTES_MAX, 'more is sent as a blob');
        this.#isNews(self, bytes);
        for (const id of [...this.#members.keys()].sort()) {
          if (id === self || this.#lost()) continue;
          const copies = this.#options.repeats !== false && this.#world.random.below(4) === 0 ? 2 : 1;
          for (let copy = 0; copy < copies; copy++) {
            this.#world.after(this.#latency(), () => {
              if (!this.#hears(self, id) || !this.#isNews(id, bytes)) return;
              this.#members.get(id)?.machine?.receive(self, bytes);
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
          let isServed = false;
          server?.serve(self, call, bytes, (response) => {
            if (isServed) return;
            isServed = true;
            this.#world.after(this.#latency(), () => answer(response));
          });
        });
      },
      penalise: (peer, reason) => this.#penalise(self, peer, reason),
    };
  }
}
