// Keeps members connected with enough others, as the peer manager of a real node does. Everybody can be found by
// everybody here, through whatever a mesh has for that; only what asking around costs is counted.
import type { Random } from '../../fusion/index.ts';
import type { World } from '../world.ts';
import type { Connections } from './connections.ts';
import { drawLatencyMs } from './latency.ts';
import type { Links } from './links.ts';
import { type Link, type Member, shuffle } from './member.ts';
import type { NetworkOptions } from './options.ts';
import { PEER_LINE_BYTES, PEER_LINES_MAX, REQUEST_BYTES, RESPONSE_BYTES } from './wire-costs.ts';

/** Times that a link is crossed until both sides know one another: TCP, noise, multiplexing, identify. */
const CROSSINGS_OF_A_DIAL = 5;
/** In a mesh of up to so many everybody is looked at; in larger ones a few are drawn. */
const SMALL_MESH = 64;
const DRAWS_PER_DIAL = 4;
const EXCHANGE_MIN_MS = 500;
const EXCHANGE_MAX_MS = 30_000;
/** A lost neighbour is forgotten after so many dials, and not dialled where this share of the connections is taken. */
const REDIALS_MAX = 16;
const REDIAL_SHARE = 0.5;

const QUESTION = { kind: 'control', bytes: REQUEST_BYTES, controlBytes: 0 } as const;

export interface DiallerParts {
  readonly world: World;
  readonly options: NetworkOptions;
  readonly links: Links;
  readonly connections: Connections;
  readonly random: Random;
}

export class Dialler {
  readonly #parts: DiallerParts;

  constructor(parts: DiallerParts) {
    this.#parts = parts;
  }

  /** A new member begins to look around. */
  joined(member: Member): void {
    member.exchangeIntervalMs = EXCHANGE_MIN_MS;
    member.exchangeAtMs = this.#parts.world.nowMs + EXCHANGE_MIN_MS;
    this.#lookForMore(member);
  }

  /** Every so often. */
  tick(member: Member): void {
    this.#lookForMore(member);
    this.#exchange(member);
  }

  #lookForMore(member: Member): void {
    const wanted = this.#parts.options.connections[0] - member.links.size - member.dialling.size;
    if (wanted <= 0) return;
    let found = 0;
    for (const other of this.#candidates(member, wanted)) {
      if (found === wanted) return;
      if (this.#dial(member, other)) found += 1;
    }
  }

  #candidates(member: Member, wanted: number): readonly Member[] {
    const { alive } = this.#parts.connections;
    const surrounders = this.#parts.connections.surroundersOf(member);
    if (surrounders !== undefined) return surrounders;
    if (alive.length <= SMALL_MESH) return shuffle([...alive], member.random);
    return Array.from({ length: DRAWS_PER_DIAL * wanted }, () => alive[member.random.below(alive.length)]);
  }

  /** Asks somebody who else is there; often while there are too few, rarely later. */
  #exchange(member: Member): void {
    const { world, options } = this.#parts;
    if (world.nowMs < member.exchangeAtMs) return;
    const isEnough = member.links.size >= options.connections[0];
    const intervalMs = isEnough ? EXCHANGE_MAX_MS : Math.min(EXCHANGE_MAX_MS, 2 * member.exchangeIntervalMs);
    member.exchangeIntervalMs = intervalMs;
    member.exchangeAtMs = world.nowMs + intervalMs * (0.75 + member.random.float() / 2);
    const links = [...member.links.values()];
    if (links.length > 0) this.#askWho(links[member.random.below(links.length)]);
    if (isEnough) this.#dialOneLost(member);
  }

  /** Two halves of a mesh that were apart have enough connections each, and would never meet again without this. */
  #dialOneLost(member: Member): void {
    const { connections, options } = this.#parts;
    const ids = [...member.lost.keys()];
    if (ids.length === 0 || member.links.size >= REDIAL_SHARE * options.connections[1]) return;
    const id = ids[member.random.below(ids.length)];
    const dials = (member.lost.get(id) ?? 0) + 1;
    if (dials > REDIALS_MAX) member.lost.delete(id);
    else member.lost.set(id, dials);
    const other = connections.get(id);
    if (other !== undefined) this.#dial(member, other);
  }

  /** False where there is no way now. */
  #dial(caller: Member, other: Member): boolean {
    const { world, options, random, connections } = this.#parts;
    if (caller.dialling.has(other) || other.dialling.has(caller) || !connections.mayConnect(caller, other))
      return false;
    const [first, second] = caller.id < other.id ? [caller.id, other.id] : [other.id, caller.id];
    const pair = random.fork(`latency ${first} ${second}`);
    const latencyMs = drawLatencyMs(pair, options.latencyShape ?? 'uniform', options.latencyMs);
    caller.dialling.add(other);
    world.after(CROSSINGS_OF_A_DIAL * latencyMs, () => {
      caller.dialling.delete(other);
      if (!connections.mayConnect(caller, other)) return;
      for (const link of connections.open(caller, other, latencyMs))
        if (link.from.links.size < options.connections[0]) this.#askWho(link);
    });
    return true;
  }

  #askWho(link: Link): void {
    const back = link.to.links.get(link.from);
    if (back === undefined) return;
    const lines = Math.min(PEER_LINES_MAX, link.to.links.size - 1);
    const bytes = RESPONSE_BYTES + PEER_LINE_BYTES * lines;
    this.#parts.links.exchange(link, QUESTION);
    this.#parts.links.exchange(back, { kind: 'control', bytes, controlBytes: 0 });
  }
}
