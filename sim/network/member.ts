// One life of a peer as the network sees it: its links, its gossip neighbours, what it announced lately.
import type { Random } from '../../fusion/index.ts';
import { type PeerId, Penalties } from '../../protocols/index.ts';
import type { ByteCounts, Endpoint } from './endpoint.ts';
import type { Message } from './message.ts';

/** One end of a connection. */
export interface Link {
  readonly from: Member;
  readonly to: Member;
  /** This side dialled. */
  readonly isOutbound: boolean;
  /** Of the pair, before jitter. */
  readonly latencyMs: number;
  /** Both sides' ends live and die together; what is under way over a closed link is lost. */
  isOpen: boolean;
}

export interface PeerBytes {
  readonly in: ByteCounts;
  readonly out: ByteCounts;
}

export interface MemberParts {
  readonly endpoint: Endpoint;
  readonly index: number;
  readonly random: Random;
  readonly bytes: PeerBytes;
  readonly bytesPerSecond: number | undefined;
  readonly nowMs: () => number;
}

/** Windows of one heartbeat for which a message can be asked for. */
const WINDOWS = 5;

export class Member {
  readonly endpoint: Endpoint;
  readonly id: PeerId;
  /** Its own among all lives of all peers. */
  readonly index: number;
  readonly random: Random;
  readonly bytes: PeerBytes;
  readonly bytesPerSecond: number | undefined;
  readonly links = new Map<Member, Link>();
  readonly dialling = new Set<Member>();
  /** Neighbours whose connection was lost, and how often they were dialled since. */
  readonly lost = new Map<PeerId, number>();
  readonly penalties: Penalties;
  /** Whom it has ever penalised: nobody, mostly, and then nothing needs to be looked up. */
  readonly suspects = new Set<PeerId>();
  /** Gossip neighbours. The same link on the other side may disagree for a moment, as in reality. */
  mesh: Link[] = [];
  /** Not to be grafted before this time. */
  readonly backOffMs = new Map<PeerId, number>();
  /** Messages by the heartbeat in which they came, the newest window first. */
  windows: Message[][] = [[]];
  isAlive = true;
  uplinkFreeMs = 0;
  heartbeats = 0;
  exchangeAtMs = 0;
  exchangeIntervalMs = 0;
  #sorted: readonly PeerId[] | undefined;

  constructor({ endpoint, index, random, bytes, bytesPerSecond, nowMs }: MemberParts) {
    this.endpoint = endpoint;
    this.id = endpoint.id;
    this.index = index;
    this.random = random;
    this.bytes = bytes;
    this.bytesPerSecond = bytesPerSecond;
    this.penalties = new Penalties(nowMs);
  }

  /** Ids of those connected, ascending. */
  get peers(): readonly PeerId[] {
    this.#sorted ??= Array.from(this.links.keys(), ({ id }) => id).sort();
    return this.#sorted;
  }

  linksChanged(): void {
    this.#sorted = undefined;
  }

  isGossipingTo(other: Member): boolean {
    return this.mesh.some(({ to }) => to === other);
  }

  /** Begins a new window and forgets the oldest. */
  shiftWindows(): void {
    this.windows.unshift([]);
    if (this.windows.length > WINDOWS) this.windows.pop();
  }

  /** Links in a random order. */
  shuffledLinks(): Link[] {
    return shuffle([...this.links.values()], this.random);
  }
}

/** In place (Fisher and Yates). */
export function shuffle<T>(items: T[], random: Random): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const held = items[i];
    items[i] = items[j];
    items[j] = held;
  }
  return items;
}
