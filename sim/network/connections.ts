// Who is connected with whom: members that live, links that open, and close when somebody leaves, is cut off or has
// misbehaved too often. Who dials whom is decided in `dialler.ts`.
import assert from 'node:assert/strict';
import type { Random } from '../../fusion/index.ts';
import type { PeerId } from '../../protocols/index.ts';
import type { World } from '../world.ts';
import type { Endpoint } from './endpoint.ts';
import type { Links } from './links.ts';
import { type Link, Member, type PeerBytes } from './member.ts';
import type { NetworkOptions } from './options.ts';
import { CONNECTION_BYTES, TOPIC_RPC_BYTES } from './wire-costs.ts';

const GREETING = { kind: 'gossip', bytes: TOPIC_RPC_BYTES, controlBytes: CONNECTION_BYTES } as const;

export interface ConnectionsParts {
  readonly world: World;
  readonly options: NetworkOptions;
  readonly links: Links;
  readonly random: Random;
  /** One end of a link has noticed that it is closed. */
  readonly closed: (link: Link) => void;
}

export class Connections {
  /** Everybody that lives, in any order, to draw from. */
  readonly alive: Member[] = [];
  readonly #parts: ConnectionsParts;
  readonly #members = new Map<PeerId, Member>();
  #lives = 0;
  #side: (id: PeerId) => number = () => 0;
  /** Who is connected with these only. */
  readonly #surrounded = new Map<PeerId, ReadonlySet<PeerId>>();

  constructor(parts: ConnectionsParts) {
    this.#parts = parts;
  }

  get(id: PeerId): Member | undefined {
    return this.#members.get(id);
  }

  join(endpoint: Endpoint, bytes: PeerBytes): Member {
    const { world, random } = this.#parts;
    const { id } = endpoint;
    assert(!this.#members.has(id), 'a peer lives once at a time');
    const member = new Member({
      endpoint,
      index: this.#lives,
      random: random.fork(`${id} life ${this.#lives}`),
      bytes,
      bytesPerSecond: this.#uplinkOf(id),
      nowMs: () => world.nowMs,
    });
    this.#lives += 1;
    this.#members.set(id, member);
    this.alive.push(member);
    return member;
  }

  leave(member: Member): void {
    member.isAlive = false;
    this.#members.delete(member.id);
    this.alive[this.alive.indexOf(member)] = this.alive[this.alive.length - 1];
    this.alive.pop();
    for (const link of member.links.values()) this.close(link);
  }

  /** Peers on different sides do not reach one another. */
  cut(side: (id: PeerId) => number): void {
    this.#side = side;
    for (const { id, links } of this.#members.values()) {
      for (const link of links.values()) if (side(id) !== side(link.to.id)) this.close(link);
    }
  }

  /** For attackers: the victim is connected with these peers only; `undefined` lets go of it. */
  surround(victim: PeerId, by: readonly PeerId[] | undefined): void {
    if (by === undefined) {
      this.#surrounded.delete(victim);
      return;
    }
    const allowed = new Set(by);
    this.#surrounded.set(victim, allowed);
    for (const link of this.#members.get(victim)?.links.values() ?? [])
      if (!allowed.has(link.to.id)) this.close(link);
  }

  /** The only ones whom it can find, where it is surrounded. */
  surroundersOf({ id }: Member): readonly Member[] | undefined {
    const allowed = this.#surrounded.get(id);
    return allowed && this.alive.filter((other) => allowed.has(other.id));
  }

  mayConnect(a: Member, b: Member): boolean {
    const most = this.#parts.options.connections[1];
    return (
      a !== b &&
      a.isAlive &&
      b.isAlive &&
      !a.links.has(b) &&
      a.links.size < most &&
      b.links.size < most &&
      this.#side(a.id) === this.#side(b.id) &&
      this.#surrounded.get(a.id)?.has(b.id) !== false &&
      this.#surrounded.get(b.id)?.has(a.id) !== false &&
      !refuses(a, b) &&
      !refuses(b, a)
    );
  }

  /** Both machines hear of it at once. */
  open(caller: Member, other: Member, latencyMs: number): readonly [Link, Link] {
    const there: Link = { from: caller, to: other, isOutbound: true, latencyMs, isOpen: true };
    const back: Link = { from: other, to: caller, isOutbound: false, latencyMs, isOpen: true };
    for (const link of [there, back]) {
      link.from.links.set(link.to, link);
      link.from.lost.delete(link.to.id);
      link.from.linksChanged();
      this.#parts.links.exchange(link, GREETING);
    }
    for (const { from, to } of [there, back])
      from.endpoint.handle({ kind: 'peers', joined: [to.id], left: [] });
    return [there, back];
  }

  /** Carries nothing any more; both ends notice a moment later. */
  close(link: Link): void {
    for (const end of [link, link.to.links.get(link.from)]) {
      if (end === undefined || !end.isOpen) continue;
      end.isOpen = false;
      this.#parts.world.after(end.latencyMs, () => this.#noticeLoss(end));
    }
  }

  #noticeLoss(end: Link): void {
    const { from, to } = end;
    if (!from.isAlive) return;
    from.links.delete(to);
    from.mesh = from.mesh.filter((each) => each !== end);
    from.linksChanged();
    from.lost.set(to.id, 0);
    this.#parts.closed(end);
    from.endpoint.handle({ kind: 'peers', joined: [], left: [to.id] });
  }

  #uplinkOf(id: PeerId): number | undefined {
    const { options, random } = this.#parts;
    const { bytesPerSecond: bounds } = options;
    if (bounds === undefined || typeof bounds === 'number') return bounds;
    return bounds[0] + random.fork(`uplink ${id}`).float() * (bounds[1] - bounds[0]);
  }
}

function refuses(judge: Member, { id }: Member): boolean {
  return judge.suspects.has(id) && judge.penalties.isRefused(id);
}
