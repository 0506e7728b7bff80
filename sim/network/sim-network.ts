// The simulated network: connections between peers, links with latency, loss and bandwidth, cuts, gossip that is passed
// on from neighbour to neighbour as gossipsub does, and requests. This file ties the parts together.
import type { Random } from '../../fusion/index.ts';
import type { Network, PeerId, PortEvent } from '../../protocols/index.ts';
import type { World } from '../world.ts';
import { Connections } from './connections.ts';
import { Dialler } from './dialler.ts';
import type { Endpoint } from './endpoint.ts';
import { Gossip } from './gossip.ts';
import { GossipMesh } from './gossip-mesh.ts';
import { Links } from './links.ts';
import type { Link, Member, PeerBytes } from './member.ts';
import type { NetworkOptions } from './options.ts';
import { Requests } from './requests.ts';
import { IDLE_BYTES_PER_SECOND } from './wire-costs.ts';

const HEARTBEAT_MS = 1_000;
const IDLE = {
  kind: 'control',
  bytes: (IDLE_BYTES_PER_SECOND * HEARTBEAT_MS) / 1_000,
  controlBytes: 0,
} as const;

export class SimNetwork {
  readonly #world: World;
  readonly #random: Random;
  readonly #links: Links;
  readonly #connections: Connections;
  readonly #dialler: Dialler;
  readonly #mesh: GossipMesh;
  readonly #gossip: Gossip;
  readonly #requests: Requests;
  readonly #bytes = new Map<PeerId, PeerBytes>();

  constructor(world: World, options: NetworkOptions) {
    this.#world = world;
    this.#random = world.random.fork('network');
    this.#links = new Links(world, options, this.#random.fork('links'));
    this.#requests = new Requests({
      world,
      links: this.#links,
      memberOf: (id) => this.#connections.get(id),
    });
    this.#mesh = new GossipMesh(world, this.#links, options);
    this.#connections = new Connections({
      world,
      options,
      links: this.#links,
      random: this.#random.fork('connections'),
      closed: (link) => this.#requests.closed(link),
    });
    this.#dialler = new Dialler({
      world,
      options,
      links: this.#links,
      connections: this.#connections,
      random: this.#random.fork('dialler'),
    });
    this.#gossip = new Gossip({
      world,
      links: this.#links,
      mesh: this.#mesh,
      rejected: (judge, link, reason) => this.#reject(judge, link, reason),
    });
  }

  /** Everything a peer has sent and received, over all its lives. */
  bytesOf(id: PeerId): PeerBytes {
    let bytes = this.#bytes.get(id);
    if (bytes === undefined) {
      const none = () => ({ gossip: 0, transfer: 0, control: 0 });
      bytes = { in: none(), out: none() };
      this.#bytes.set(id, bytes);
    }
    return bytes;
  }

  /** Pairs that are connected, and whether they gossip: the lower id first. */
  links(): readonly { readonly a: PeerId; readonly b: PeerId; readonly isGossip: boolean }[] {
    return this.#connections.alive.flatMap((member) =>
      Array.from(member.links.keys())
        .filter((other) => member.id < other.id)
        .map((other) => ({
          a: member.id,
          b: other.id,
          isGossip: member.isGossipingTo(other) || other.isGossipingTo(member),
        })),
    );
  }

  join(endpoint: Endpoint): void {
    const member = this.#connections.join(endpoint, this.bytesOf(endpoint.id));
    this.#dialler.joined(member);
    this.#world.after(HEARTBEAT_MS * member.random.float(), () => this.#heartbeat(member));
  }

  /** The peer is gone; its neighbours notice within a moment. */
  leave(id: PeerId): void {
    const member = this.#connections.get(id);
    if (member === undefined) return;
    this.#connections.leave(member);
    this.#requests.left(member);
  }

  /** Peers on different sides do not reach one another; all on one side heals it. */
  cut(side: (id: PeerId) => number): void {
    this.#connections.cut(side);
  }

  /** For attackers: gossip to one neighbour only, whatever its size. Who is not connected hears nothing. */
  whisper(self: PeerId, to: PeerId, bytes: Uint8Array): void {
    const member = this.#connections.get(self);
    const other = this.#connections.get(to);
    const link = member && other && member.links.get(other);
    if (link !== undefined) this.#gossip.whisper(link, bytes);
  }

  /** For attackers: the victim is connected with these peers only; `undefined` lets go of it. */
  surround(victim: PeerId, by: readonly PeerId[] | undefined): void {
    this.#connections.surround(victim, by);
  }

  port(self: PeerId, deliver: (event: PortEvent) => void): Network {
    const member = (): Member | undefined => this.#connections.get(self);
    return {
      self,
      peers: () => member()?.peers ?? [],
      publish: (bytes) => this.#gossip.publish(member(), bytes),
      request: (to, call, bytes, deadlineMs, ticket) =>
        this.#requests.ask(member(), { to, call, bytes, deadlineMs, ticket, deliver }),
      penalise: (peer, reason) => this.#penalise(member(), peer, reason),
    };
  }

  #heartbeat(member: Member): void {
    if (!member.isAlive) return;
    member.heartbeats += 1;
    this.#dialler.tick(member);
    this.#gossip.announce(member, this.#mesh.balance(member));
    for (const link of member.links.values()) this.#links.exchange(link, IDLE);
    this.#world.after(HEARTBEAT_MS, () => this.#heartbeat(member));
  }

  /** gossipsub's score does not forgive a rejected message for a while. */
  #reject(judge: Member, { from }: Link, reason: string): void {
    const back = judge.links.get(from);
    if (back !== undefined && judge.isGossipingTo(from)) this.#mesh.prune(back);
    this.#penalise(judge, from.id, reason);
  }

  #penalise(judge: Member | undefined, peer: PeerId, reason: string): void {
    if (judge === undefined) return;
    this.#world.trace.event(judge.id, 'penalise', { text: `${peer} ${reason}` });
    judge.suspects.add(peer);
    if (judge.penalties.charge(peer, reason) !== 'refused') return;
    const culprit = this.#connections.get(peer);
    const link = culprit && judge.links.get(culprit);
    if (link !== undefined) this.#connections.close(link);
  }
}
