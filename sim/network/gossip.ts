// Gossip as gossipsub does it: a message goes to the neighbours in the mesh, who judge it and pass it on; some of the
// others are told at each heartbeat what there is, and ask for what they lack.
import assert from 'node:assert/strict';
import { GOSSIP_BYTES_MAX } from '../../protocols/index.ts';
import { hashOf } from '../hash.ts';
import type { World } from '../world.ts';
import type { GossipMesh } from './gossip-mesh.ts';
import type { Links } from './links.ts';
import type { Link, Member } from './member.ts';
import { Message } from './message.ts';
import { ANNOUNCEMENT_BYTES, FRAME_BYTES, MESSAGE_ID_BYTES, WISH_BYTES } from './wire-costs.ts';

/** Windows whose messages are announced. */
const ANNOUNCED_WINDOWS = 3;
/** Links outside the mesh that are told, at least and as a share of them. */
const LAZY_DEGREE = 2;
const LAZY_SHARE = 0.25;
/** Ids in an announcement, and times that one link may ask for one message. */
const ANNOUNCED_MAX = 5_000;
/** A second copy of the same bytes is taken for new after this. */
const SEEN_MS = 120_000;
/** From this size on a member tells its neighbours at once that it has a message. */
const UNWANTED_BYTES_MIN = 16 * 1024;

/** The network itself refuses what no correct peer sends. */
const TOO_LARGE = { act: 'reject', reason: 'gossip-too-large' } as const;

export interface GossipParts {
  readonly world: World;
  readonly links: Links;
  readonly mesh: GossipMesh;
  /** A neighbour passed on what a correct one would have rejected. */
  readonly rejected: (judge: Member, link: Link, reason: string) => void;
}

export class Gossip {
  readonly #parts: GossipParts;
  /** By hash: the same content is the same message, whoever publishes it. In the order of first publication. */
  readonly #messages = new Map<string, Message>();

  constructor(parts: GossipParts) {
    this.#parts = parts;
  }

  /** `member` is absent where the peer has not joined: then nobody hears it. */
  publish(member: Member | undefined, bytes: Uint8Array): void {
    assert(bytes.length <= GOSSIP_BYTES_MAX, 'more is sent as a blob');
    if (member === undefined) return;
    const { world } = this.#parts;
    const message = this.#messageOf(bytes);
    if (!message.hear(member.index, world.nowMs)) return;
    const { name, check } = message;
    world.trace.event(member.id, 'publish', { bytes: bytes.length, check, text: name });
    member.windows[0].push(message);
    for (const link of this.#audience(member)) this.#push(link, message);
  }

  /** To one neighbour, as if to all: the author never announces it to others. */
  whisper(link: Link, bytes: Uint8Array): void {
    const { world } = this.#parts;
    const message = this.#messageOf(bytes);
    message.hear(link.from.index, world.nowMs);
    const { name, check } = message;
    world.trace.event(link.from.id, 'whisper', { bytes: bytes.length, check, text: name });
    this.#push(link, message);
  }

  /** Tells some of these links what came lately, and begins a new window. */
  announce(member: Member, outside: readonly Link[]): void {
    const recent = member.windows.slice(0, ANNOUNCED_WINDOWS).flat().slice(0, ANNOUNCED_MAX);
    member.shiftWindows();
    if (recent.length === 0) return;
    const told = Math.max(LAZY_DEGREE, Math.floor(LAZY_SHARE * outside.length));
    const bytes = ANNOUNCEMENT_BYTES + MESSAGE_ID_BYTES * recent.length;
    const cost = { kind: 'gossip', bytes, controlBytes: FRAME_BYTES } as const;
    for (const link of outside.slice(0, told))
      this.#parts.links.send(link, cost, () => this.#askFor(link, recent));
  }

  /** The neighbours in the mesh and, where these are few, some more. */
  #audience(member: Member): readonly Link[] {
    const missing = this.#parts.mesh.target - member.mesh.length;
    if (missing <= 0) return member.mesh;
    const others = member.shuffledLinks().filter(({ to }) => !member.isGossipingTo(to));
    return [...member.mesh, ...others.slice(0, missing)];
  }

  #messageOf(bytes: Uint8Array): Message {
    const hash = hashOf(bytes);
    const { nowMs } = this.#parts.world;
    for (const [key, { lastHeardMs }] of this.#messages) {
      if (lastHeardMs + SEEN_MS > nowMs) break;
      this.#messages.delete(key);
    }
    const known = this.#messages.get(hash);
    if (known !== undefined && known.lastHeardMs + SEEN_MS > nowMs) return known;
    const message = new Message(bytes.slice(), hash);
    this.#messages.delete(hash);
    this.#messages.set(hash, message);
    return message;
  }

  #push(link: Link, message: Message): void {
    this.#parts.links.sendGossip(link, message.cost, () => this.#hear(link, message));
  }

  #hear(link: Link, message: Message): void {
    const { from, to: member } = link;
    const { world } = this.#parts;
    if (!message.hear(member.index, world.nowMs)) return;
    if (message.bytes.length >= UNWANTED_BYTES_MIN) this.#sayUnwanted(member, from, message);
    const { bytes, check, name } = message;
    const verdict = bytes.length > GOSSIP_BYTES_MAX ? TOO_LARGE : member.endpoint.receive(from.id, bytes);
    world.trace.event(member.id, verdict.act, {
      bytes: bytes.length,
      check,
      text: `${name} from ${from.id}`,
    });
    if (verdict.act === 'reject') this.#parts.rejected(member, link, verdict.reason);
    if (verdict.act !== 'accept') return;
    member.windows[0].push(message);
    for (const next of member.mesh) {
      if (next.to !== from && !message.isUnwanted(next.to.index, member.index)) this.#push(next, message);
    }
  }

  #sayUnwanted(member: Member, source: Member, message: Message): void {
    const cost = { kind: 'gossip', bytes: WISH_BYTES + MESSAGE_ID_BYTES, controlBytes: FRAME_BYTES } as const;
    for (const link of member.mesh) {
      if (link.to === source) continue;
      this.#parts.links.send(link, cost, () => {
        message.addUnwanted(member.index, link.to.index);
      });
    }
  }

  #askFor(link: Link, announced: readonly Message[]): void {
    const { from: source, to: member } = link;
    const missing = announced.filter((message) => !message.isHeardBy(member.index));
    const back = member.links.get(source);
    if (back === undefined || missing.length === 0) return;
    const bytes = WISH_BYTES + MESSAGE_ID_BYTES * missing.length;
    this.#parts.links.send(back, { kind: 'gossip', bytes, controlBytes: FRAME_BYTES }, () => {
      for (const message of missing) {
        if (source.windows.some((window) => window.includes(message))) this.#push(link, message);
      }
    });
  }
}
