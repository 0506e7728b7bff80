// The simulated network: connections between peers, links with latency, loss and bandwidth, cuts, and gossip that is
// passed on from neighbour to neighbour as gossipsub does.
import assert from 'node:assert/strict';
import type { Random } from '../../fusion/index.ts';
import {
  type Call,
  GOSSIP_BYTES_MAX,
  type Network,
  type PeerId,
  type PortEvent,
  type Ticket,
} from '../../protocols/index.ts';
import { hashOf } from '../hash.ts';
import type { World } from '../world.ts';
import type { ByteCounts, Endpoint } from './endpoint.ts';
import type { NetworkOptions } from './options.ts';

const HEARTBEAT_MS = 1_000;
/** Heartbeats for which a message is announced, and kept to be asked for. */
const ANNOUNCED_HEARTBEATS = 3;
const REMEMBERED_HEARTBEATS = 5;
/** Neighbours outside the mesh that hear at each heartbeat what there is. */
const LAZY_DEGREE = 2;
/** Of a message over a link besides its content: topic, framing, encryption. */
const MESSAGE_OVERHEAD_BYTES = 110;
const ANNOUNCEMENT_BYTES = 34;
const CONTROL_BYTES = 80;
const CONNECTION_BYTES = 8_000;
const REQUEST_OVERHEAD_BYTES = 150;
const INCIDENTS_MAX = 3;
const REFUSAL_MS = 5 * 60_000;

interface Heard {
  readonly bytes: Uint8Array;
  readonly sinceHeartbeat: number;
}

interface Member {
  readonly endpoint: Endpoint;
  readonly connections: Set<PeerId>;
  readonly mesh: Set<PeerId>;
  /** Messages heard, by id; forgotten after some heartbeats. */
  readonly heard: Map<string, Heard>;
  readonly random: Random;
  heartbeats: number;
  uplinkFreeMs: number;
}

export class SimNetwork {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #members = new Map<PeerId, Member>();
  readonly #counts = new Map<PeerId, { readonly in: ByteCounts; readonly out: ByteCounts }>();
  readonly #latencies = new Map<string, number>();
  readonly #incidents = new Map<string, number>();
  readonly #refused = new Map<string, number>();
  readonly #random: Random;
  #side: (id: PeerId) => number = () => 0;

  constructor(world: World, options: NetworkOptions) {
    this.#world = world;
    this.#options = options;
    this.#random = world.random.fork('network');
  }

  /** Everything a peer has sent and received, over all its lives. */
  bytesOf(id: PeerId): { readonly in: ByteCounts; readonly out: ByteCounts } {
    let counts = this.#counts.get(id);
    if (counts === undefined) {
      const none = () => ({ gossip: 0, transfer: 0, control: 0 });
      counts = { in: none(), out: none() };
      this.#counts.set(id, counts);
    }
    return counts;
  }

  /** Pairs that are connected, and whether they gossip: the lower id first. */
  links(): readonly { readonly a: PeerId; readonly b: PeerId; readonly isGossip: boolean }[] {
    return [...this.#members].flatMap(([a, member]) =>
      [...member.connections].filter((b) => a < b).map((b) => ({ a, b, isGossip: member.mesh.has(b) })),
    );
  }

  join(endpoint: Endpoint): void {
    const { id } = endpoint;
    assert(!this.#members.has(id), 'a peer lives once at a time');
    const random = this.#random.fork(`${id} ${this.#world.nowMs}`);
    const member: Member = {
      endpoint,
      connections: new Set(),
      mesh: new Set(),
      heard: new Map(),
      random,
      heartbeats: 0,
      uplinkFreeMs: 0,
    };
    this.#members.set(id, member);
    this.#connectMore(member);
    this.#world.after(HEARTBEAT_MS * random.float(), () => this.#heartbeat(member));
  }

  /** The peer is gone; its neighbours notice within a moment. */
  leave(id: PeerId): void {
    const member = this.#members.get(id);
    if (member === undefined) return;
    this.#members.delete(id);
    for (const other of member.connections) this.#disconnect(other, id);
  }

  /** Peers on different sides do not reach one another; all on one side heals it. */
  cut(side: (id: PeerId) => number): void {
    this.#side = side;
    for (const [id, member] of this.#members) {
      for (const other of [...member.connections]) {
        if (side(id) === side(other)) continue;
        this.#disconnect(id, other);
        this.#disconnect(other, id);
      }
    }
  }

  port(self: PeerId, deliver: (event: PortEvent) => void): Network {
    return {
      self,
      peers: () => [...(this.#members.get(self)?.connections ?? [])].sort(),
      publish: (bytes) => this.#publish(self, bytes),
      request: (to, call, bytes, deadlineMs, ticket) =>
        this.#request({ self, to, call, bytes, deadlineMs, ticket, deliver }),
      penalise: (peer, reason) => this.#penalise(self, peer, reason),
    };
  }

  // Connections

  #connectMore(member: Member): void {
    const { id } = member.endpoint;
    const [wanted, most] = this.#options.connections;
    const candidates = [...this.#members.values()].filter(
      (other) =>
        other !== member &&
        !member.connections.has(other.endpoint.id) &&
        other.connections.size < most &&
        this.#reaches(id, other.endpoint.id),
    );
    while (member.connections.size < wanted && candidates.length > 0) {
      const [other] = candidates.splice(member.random.below(candidates.length), 1);
      this.#connect(member, other);
    }
  }

  #connect(a: Member, b: Member): void {
    for (const [one, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { id } = other.endpoint;
      one.connections.add(id);
      this.#count(one.endpoint.id, 'control', { in: CONNECTION_BYTES, out: CONNECTION_BYTES });
      this.#world.after(this.#latency(one.endpoint.id, id), () => {
        if (this.#isAlive(one) && one.connections.has(id))
          one.endpoint.handle({ kind: 'peers', joined: [id], left: [] });
      });
    }
  }

  #disconnect(id: PeerId, other: PeerId): void {
    const member = this.#members.get(id);
    if (member === undefined || !member.connections.delete(other)) return;
    member.mesh.delete(other);
    this.#world.after(this.#latency(id, other), () => {
      if (this.#isAlive(member) && !member.connections.has(other))
        member.endpoint.handle({ kind: 'peers', joined: [], left: [other] });
    });
  }

  #isAlive(member: Member): boolean {
    return this.#members.get(member.endpoint.id) === member;
  }

  #reaches(a: PeerId, b: PeerId): boolean {
    const refusedUntilMs = this.#refused.get(pairOf(a, b)) ?? 0;
    return this.#side(a) === this.#side(b) && refusedUntilMs <= this.#world.nowMs;
  }

  #penalise(self: PeerId, peer: PeerId, reason: string): void {
    this.#world.trace.event(self, 'penalise', { text: `${peer} ${reason}` });
    const key = `${self} ${peer}`;
    const incidents = (this.#incidents.get(key) ?? 0) + 1;
    this.#incidents.set(key, incidents);
    if (incidents < INCIDENTS_MAX) return;
    this.#refused.set(pairOf(self, peer), this.#world.nowMs + REFUSAL_MS);
    this.#disconnect(self, peer);
    this.#disconnect(peer, self);
  }

  // Links

  #latency(a: PeerId, b: PeerId): number {
    const pair = pairOf(a, b);
    let base = this.#latencies.get(pair);
    const { latencyMs, jitter } = this.#options;
    if (base === undefined) {
      base = latencyMs[0] + this.#random.fork(pair).float() * (latencyMs[1] - latencyMs[0]);
      this.#latencies.set(pair, base);
    }
    return base * (1 + jitter * (2 * this.#random.float() - 1));
  }

  /** Sends over one link; `arrive` is called unless it is lost or the receiver is gone. */
  #send(
    from: PeerId,
    to: PeerId,
    message: { readonly bytes: number; readonly kind: keyof ByteCounts },
    arrive: () => void,
  ): void {
    const sender = this.#members.get(from);
    if (sender === undefined) return;
    this.#count(from, message.kind, { in: 0, out: message.bytes });
    const { bytesPerSecond, loss } = this.#options;
    const startMs = Math.max(this.#world.nowMs, sender.uplinkFreeMs);
    const sendingMs = bytesPerSecond === undefined ? 0 : (1_000 * message.bytes) / bytesPerSecond;
    sender.uplinkFreeMs = startMs + sendingMs;
    if (this.#random.float() < loss) return;
    const receiver = this.#members.get(to);
    this.#world.after(startMs + sendingMs - this.#world.nowMs + this.#latency(from, to), () => {
      if (receiver === undefined || !this.#isAlive(receiver) || !receiver.connections.has(from)) return;
      this.#count(to, message.kind, { in: message.bytes, out: 0 });
      arrive();
    });
  }

  #count(id: PeerId, kind: keyof ByteCounts, bytes: { readonly in: number; readonly out: number }): void {
    const counts = this.bytesOf(id);
    counts.in[kind] += bytes.in;
    counts.out[kind] += bytes.out;
  }

  // Gossip

  #publish(self: PeerId, bytes: Uint8Array): void {
    assert(bytes.length <= GOSSIP_BYTES_MAX, 'more is sent as a blob');
    const member = this.#members.get(self);
    if (member === undefined) return;
    const id = hashOf(bytes);
    this.#remember(member, id, bytes);
    this.#world.trace.event(self, 'publish', {
      bytes: bytes.length,
      check: checkOf(id),
      text: id.slice(0, 12),
    });
    // Own messages go to every neighbour, as gossipsub's flood publishing does.
    for (const to of member.connections) this.#push(member, to, id, bytes);
  }

  #push(member: Member, to: PeerId, id: string, bytes: Uint8Array): void {
    const from = member.endpoint.id;
    const message = { bytes: bytes.length + MESSAGE_OVERHEAD_BYTES, kind: 'gossip' } as const;
    const arrive = (): void => this.#hear(to, from, id, bytes);
    this.#send(from, to, message, arrive);
    if (this.#random.float() < this.#options.duplicates)
      this.#world.after(5_000 * this.#random.float(), () => this.#send(from, to, message, arrive));
  }

  #hear(to: PeerId, from: PeerId, id: string, bytes: Uint8Array): void {
    const member = this.#members.get(to);
    if (member === undefined || member.heard.has(id)) return;
    this.#remember(member, id, bytes);
    const verdict = member.endpoint.receive(from, bytes);
    this.#world.trace.event(to, verdict.act, {
      bytes: bytes.length,
      check: checkOf(id),
      text: `${id.slice(0, 12)} from ${from}`,
    });
    if (verdict.act === 'reject') this.#penalise(to, from, verdict.reason);
    if (verdict.act !== 'accept') return;
    for (const next of member.mesh) if (next !== from) this.#push(member, next, id, bytes);
  }

  #remember(member: Member, id: string, bytes: Uint8Array): void {
    member.heard.set(id, { bytes, sinceHeartbeat: member.heartbeats });
  }

  #heartbeat(member: Member): void {
    if (!this.#isAlive(member)) return;
    member.heartbeats += 1;
    if (member.connections.size < this.#options.connections[0]) this.#connectMore(member);
    this.#balance(member);
    this.#announce(member);
    for (const [id, { sinceHeartbeat }] of member.heard) {
      if (sinceHeartbeat + 120 > member.heartbeats) break;
      member.heard.delete(id);
    }
    this.#world.after(HEARTBEAT_MS, () => this.#heartbeat(member));
  }

  /** Keeps the number of gossip neighbours within its bounds; grafts and prunes are felt on both sides. */
  #balance(member: Member): void {
    const [low, high] = this.#options.degree;
    const self = member.endpoint.id;
    const outside = [...member.connections].filter((id) => !member.mesh.has(id));
    while (member.mesh.size < low && outside.length > 0) {
      const [id] = outside.splice(member.random.below(outside.length), 1);
      const other = this.#members.get(id);
      if (other === undefined) continue;
      member.mesh.add(id);
      other.mesh.add(self);
      this.#count(self, 'gossip', { in: 0, out: CONTROL_BYTES });
      this.#count(id, 'gossip', { in: CONTROL_BYTES, out: 0 });
    }
    const inside = [...member.mesh];
    while (member.mesh.size > high) {
      const [id] = inside.splice(member.random.below(inside.length), 1);
      member.mesh.delete(id);
      this.#members.get(id)?.mesh.delete(self);
      this.#count(self, 'gossip', { in: 0, out: CONTROL_BYTES });
      this.#count(id, 'gossip', { in: CONTROL_BYTES, out: 0 });
    }
  }

  /** Tells some neighbours outside the mesh what was heard lately; they ask for what they lack. */
  #announce(member: Member): void {
    const self = member.endpoint.id;
    const recent = [...member.heard].filter(
      ([, { sinceHeartbeat }]) => member.heartbeats - sinceHeartbeat <= ANNOUNCED_HEARTBEATS,
    );
    if (recent.length === 0) return;
    const outside = [...member.connections].filter((id) => !member.mesh.has(id));
    for (let told = 0; told < LAZY_DEGREE && outside.length > 0; told++) {
      const [to] = outside.splice(member.random.below(outside.length), 1);
      const announcement = {
        bytes: CONTROL_BYTES + ANNOUNCEMENT_BYTES * recent.length,
        kind: 'gossip',
      } as const;
      this.#send(self, to, announcement, () => this.#askFor(to, member, recent));
    }
  }

  #askFor(to: PeerId, source: Member, announced: readonly (readonly [string, Heard])[]): void {
    const member = this.#members.get(to);
    const missing = announced.filter(([id]) => member?.heard.has(id) === false);
    if (member === undefined || missing.length === 0) return;
    const wish = { bytes: CONTROL_BYTES + ANNOUNCEMENT_BYTES * missing.length, kind: 'gossip' } as const;
    this.#send(to, source.endpoint.id, wish, () => {
      for (const [id, { bytes, sinceHeartbeat }] of missing) {
        if (source.heartbeats - sinceHeartbeat <= REMEMBERED_HEARTBEATS) this.#push(source, to, id, bytes);
      }
    });
  }

  // Requests

  #request(ask: {
    readonly self: PeerId;
    readonly to: PeerId;
    readonly call: Call;
    readonly bytes: Uint8Array;
    readonly deadlineMs: number;
    readonly ticket: Ticket;
    readonly deliver: (event: PortEvent) => void;
  }): void {
    const { self, to, call, bytes, deadlineMs, ticket, deliver } = ask;
    let isAnswered = false;
    const answer = (response: Uint8Array | undefined): void => {
      if (isAnswered) return;
      isAnswered = true;
      deliver({ kind: 'response', ticket, from: to, bytes: response });
    };
    this.#world.after(deadlineMs, () => answer(undefined));
    const kind = call === 'sync' ? 'control' : 'transfer';
    this.#send(self, to, { bytes: bytes.length + REQUEST_OVERHEAD_BYTES, kind }, () => {
      let isServed = false;
      this.#members.get(to)?.endpoint.serve(self, call, bytes, (response) => {
        if (isServed) return;
        isServed = true;
        const size = (response?.length ?? 0) + REQUEST_OVERHEAD_BYTES;
        this.#send(to, self, { bytes: size, kind }, () => {
          this.#world.trace.event(self, call, { bytes: response?.length ?? 0, text: `from ${to}` });
          answer(response);
        });
      });
    });
  }
}

const pairOf = (a: PeerId, b: PeerId): string => (a < b ? `${a} ${b}` : `${b} ${a}`);
const checkOf = (id: string): number => Number.parseInt(id.slice(0, 8), 16);
