// Whom a member gossips with, by the rules of gossipsub 1.1 at its heartbeat: graft below the lower bound, prune above
// the upper one, keep one neighbour that it dialled itself, and leave alone for a minute whom it has pruned.
import type { World } from '../world.ts';
import type { Links } from './links.ts';
import { type Link, type Member, shuffle } from './member.ts';
import type { NetworkOptions } from './options.ts';
import { FRAME_BYTES, PRUNE_BYTES, TOPIC_RPC_BYTES } from './wire-costs.ts';

const BACK_OFF_MS = 60_000;
/** Outbound links kept, against being surrounded by dialling strangers. */
const OUTBOUND_MIN = 1;
/** Below this no good conduct makes up for what a neighbour has done (`protocols/penalties.ts`). */
const SCORE_MIN = -7;

const GRAFT = { kind: 'gossip', bytes: TOPIC_RPC_BYTES, controlBytes: FRAME_BYTES } as const;
const PRUNE = { kind: 'gossip', bytes: PRUNE_BYTES, controlBytes: FRAME_BYTES } as const;

export class GossipMesh {
  readonly #world: World;
  readonly #links: Links;
  readonly #degree: readonly [number, number];

  constructor(world: World, links: Links, { degree }: NetworkOptions) {
    this.#world = world;
    this.#links = links;
    this.#degree = degree;
  }

  /** Number of neighbours that a member aims at; it also publishes to so many. */
  get target(): number {
    return this.#degree[1];
  }

  /** Brings the number of neighbours within its bounds. Gives the other links that may be told of messages, shuffled. */
  balance(member: Member): Link[] {
    const [low, high] = this.#degree;
    for (const link of [...member.mesh]) if (!isTrusted(member, link.to)) this.prune(link);
    const outside = member.shuffledLinks().filter(({ to }) => !member.isGossipingTo(to));
    const candidates = outside.filter(({ to }) => this.#mayGraft(member, to));
    const graftFirst = (wanted: (link: Link) => boolean): void => {
      const at = candidates.findIndex(wanted);
      if (at >= 0) this.#graft(candidates.splice(at, 1)[0]);
    };
    if (member.mesh.length < low) {
      for (let missing = high - member.mesh.length; missing > 0; missing--) graftFirst(() => true);
    }
    if (member.mesh.length > high) this.#cutBack(member);
    const outbound = member.mesh.filter(({ isOutbound }) => isOutbound).length;
    if (member.mesh.length >= low && outbound < OUTBOUND_MIN) graftFirst(({ isOutbound }) => isOutbound);
    return outside.filter(({ to }) => isTrusted(member, to) && !member.isGossipingTo(to));
  }

  prune(link: Link): void {
    const { from, to } = link;
    from.mesh = from.mesh.filter((each) => each !== link);
    this.#backOff(from, to);
    this.#links.send(link, PRUNE, () => {
      to.mesh = to.mesh.filter((each) => each.to !== from);
      this.#backOff(to, from);
    });
  }

  #graft(link: Link): void {
    link.from.mesh.push(link);
    this.#links.send(link, GRAFT, () => this.#hearGraft(link));
  }

  #hearGraft({ from, to: self }: Link): void {
    const back = self.links.get(from);
    if (back === undefined || self.isGossipingTo(from)) return;
    const isFull = self.mesh.length >= this.#degree[1] && !back.isOutbound;
    if (isFull || !this.#mayGraft(self, from)) this.prune(back);
    else self.mesh.push(back);
  }

  /** Keeps the longest known, the rest by lot, and one that it dialled if there is any. */
  #cutBack(member: Member): void {
    const [low, high] = this.#degree;
    const [kept, rest] = [member.mesh.slice(0, low), shuffle(member.mesh.slice(low), member.random)];
    const order = [...kept, ...rest];
    const isDialled = ({ isOutbound }: Link): boolean => isOutbound;
    const dialled = order.findIndex(isDialled);
    if (dialled >= high) order.unshift(...order.splice(dialled, 1));
    for (const link of order.slice(high)) this.prune(link);
  }

  #backOff(member: Member, other: Member): void {
    member.backOffMs.set(other.id, this.#world.nowMs + BACK_OFF_MS);
  }

  #mayGraft(member: Member, other: Member): boolean {
    const untilMs = member.backOffMs.get(other.id);
    if (untilMs !== undefined) {
      if (untilMs > this.#world.nowMs) return false;
      member.backOffMs.delete(other.id);
    }
    return isTrusted(member, other);
  }
}

function isTrusted(member: Member, { id }: Member): boolean {
  return !member.suspects.has(id) || member.penalties.score(id) >= SCORE_MIN;
}
