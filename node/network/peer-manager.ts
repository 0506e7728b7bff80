// Keeps us connected with enough members: dials whom it knows of, asks members for more, tries again with
// growing patience, and closes connections of strangers. libp2p itself dials nobody.

import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import type { PeerId } from '../../protocols/index.ts';
import type { Contact } from './address-book.ts';
import { AddressBook } from './address-book.ts';
import {
  BOOTSTRAP_PATIENCE_MS,
  DIAL_DEADLINE_MS,
  DIAL_YIELD_MS,
  DIALS_PARALLEL_MAX,
  EXCHANGE_INTERVAL_MIN_MS,
  MANAGER_TICK_MS,
  MEMBER_TAG_VALUE,
  REDIAL_MEMBERS_MAX,
  STRANGER_GRACE_MS,
} from './constants.ts';
import type { Host } from './host.ts';
import type { Member, Members } from './members.ts';
import { peerText } from './names.ts';
import type { PeerExchange } from './peer-exchange.ts';
import type { Refusals } from './refusals.ts';

export interface PeerManagerOptions {
  readonly host: Host;
  readonly members: Members;
  readonly exchange: PeerExchange;
  readonly refusals: Refusals;
  readonly peersTarget: number;
  /** How often somebody is asked who else is there, once there are enough. */
  readonly exchangeIntervalMaxMs: number;
  readonly bootstrap: readonly string[];
  readonly knownAddresses: readonly string[];
  readonly now: () => number;
  isRefused(peer: PeerId): boolean;
  notice(code: string, text: string): void;
}

export class PeerManager {
  readonly #options: PeerManagerOptions;
  readonly #self: PeerId;
  readonly #book: AddressBook;
  readonly #dialling = new Set<string>();
  readonly #strangersSinceMs = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #startedMs = 0;
  #exchangeAtMs = 0;
  #exchangeIntervalMs = EXCHANGE_INTERVAL_MIN_MS;
  /** Why the newest dial failed, for the notice. */
  #dialError = '';
  #hadMember = false;
  #noticed = false;

  constructor(options: PeerManagerOptions) {
    this.#options = options;
    this.#self = peerText(options.host.peerId);
    this.#book = new AddressBook(this.#self);
  }

  start(): void {
    const nowMs = this.#options.now();
    this.#startedMs = nowMs;
    this.#exchangeAtMs = nowMs + EXCHANGE_INTERVAL_MIN_MS;
    this.#book.learn({ addresses: this.#options.bootstrap, nowMs, fixed: true });
    this.#book.learn({ addresses: this.#options.knownAddresses, nowMs });
    this.#timer = setInterval(() => this.#tick(), MANAGER_TICK_MS);
    this.#timer.unref();
    this.#tick();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Addresses from the local network or from a member. */
  learn(addresses: readonly string[]): void {
    const nowMs = this.#options.now();
    for (const address of addresses) {
      // Both ends hear of one another at about the same time; the one with the greater id gives way.
      const delayMs = (address.split('/p2p/')[1] ?? '') < this.#self ? DIAL_YIELD_MS : 0;
      if (this.#book.learn({ addresses: [address], nowMs, delayMs }) > 0)
        this.#options.refusals.count('address-unreadable');
    }
    this.#dialMore();
  }

  joined(member: Member): void {
    const nowMs = this.#options.now();
    this.#hadMember = true;
    this.#strangersSinceMs.delete(member.peer);
    this.#book.meet(member.peer, member.addresses, nowMs);
    const tags = { 'meldmesh-member': { value: MEMBER_TAG_VALUE } };
    this.#options.host.peerStore
      .merge(member.id, { tags })
      .catch(() => this.#options.refusals.count('peer-store-failed'));
    if (this.#options.members.size < this.#options.peersTarget) void this.#askForMore(member);
  }

  left(member: Member): void {
    // Half a second to let the other side notice too; then a redial has the same chance again.
    const [contact] = this.#book.due(Number.POSITIVE_INFINITY).filter((known) => known.key === member.peer);
    if (contact !== undefined) this.#book.failed(contact, this.#options.now(), Math.random());
  }

  /** The connection is of no use any more: close it and dial again at once. */
  async reconnect(member: Member): Promise<void> {
    const closed = this.#options.host
      .getConnections(member.id)
      .map((connection) => connection.close().catch(() => connection.abort(new Error('reconnect'))));
    await Promise.all(closed);
    this.#book.hurry(member.peer, this.#options.now());
    this.#dialMore(member.peer);
  }

  /** Addresses of members met, worth keeping for the next start. */
  addresses(): readonly string[] {
    return this.#book.proven();
  }

  #tick(): void {
    const nowMs = this.#options.now();
    this.#closeStrangers(nowMs);
    this.#dialMore();
    if (nowMs >= this.#exchangeAtMs) this.#exchangeOnce(nowMs);
    this.#noticeLoneliness(nowMs);
  }

  /** `first` is dialled even when the target is met. */
  #dialMore(first?: PeerId): void {
    if (this.#timer === undefined) return;
    const nowMs = this.#options.now();
    const due = this.#book.due(nowMs).filter((contact) => this.#isWanted(contact));
    due.sort((left, right) => rank(left, first) - rank(right, first) || Math.random() - 0.5);
    for (const contact of due) {
      const enough = this.#options.members.size + this.#dialling.size >= this.#options.peersTarget;
      if ((enough && contact.peer !== first) || this.#dialling.size >= DIALS_PARALLEL_MAX) return;
      void this.#dial(contact);
    }
  }

  #isWanted(contact: Contact): boolean {
    if (contact.addresses.length === 0 || this.#dialling.has(contact.key)) return false;
    if (contact.peer === undefined) return true;
    if (contact.peer === this.#self || this.#options.isRefused(contact.peer)) return false;
    return !this.#isConnected(contact.peer);
  }

  #isConnected(peer: PeerId): boolean {
    return this.#options.members.has(peer) || this.#strangersSinceMs.has(peer);
  }

  /** Never rejects. */
  async #dial(contact: Contact): Promise<void> {
    this.#dialling.add(contact.key);
    try {
      const signal = AbortSignal.timeout(DIAL_DEADLINE_MS);
      const connection = await this.#options.host.dial(
        contact.addresses.map((text) => multiaddr(text)),
        { signal },
      );
      contact.peer = peerText(connection.remotePeer);
      contact.failures = 0;
      this.#watch(connection);
    } catch (error) {
      this.#dialError = error instanceof Error ? error.message : String(error);
      this.#book.failed(contact, this.#options.now(), Math.random());
    } finally {
      this.#dialling.delete(contact.key);
      this.#dialMore();
    }
  }

  #watch(connection: Connection): void {
    const peer = peerText(connection.remotePeer);
    if (!this.#options.members.has(peer)) this.#strangersSinceMs.set(peer, this.#options.now());
  }

  /** A connection may be made to a node of another mesh, or identify may have failed on a busy machine. */
  #closeStrangers(nowMs: number): void {
    const connections = this.#options.host.getConnections();
    const open = new Set(connections.map((connection) => peerText(connection.remotePeer)));
    for (const peer of this.#strangersSinceMs.keys())
      if (!open.has(peer as PeerId)) this.#strangersSinceMs.delete(peer);
    for (const connection of connections) {
      const peer = peerText(connection.remotePeer);
      if (this.#options.members.has(peer)) continue;
      const sinceMs = this.#strangersSinceMs.get(peer);
      if (sinceMs === undefined) this.#strangersSinceMs.set(peer, nowMs);
      else if (nowMs - sinceMs > STRANGER_GRACE_MS) {
        this.#options.refusals.count('stranger');
        for (const contact of this.#book.due(nowMs))
          if (contact.peer === peer) this.#book.failed(contact, nowMs, Math.random());
        connection.close().catch((error: Error) => connection.abort(error));
      }
    }
  }

  /** Ask a random member; often while we look for more, rarely when we have enough or learn nothing new. */
  #exchangeOnce(nowMs: number): void {
    const all = this.#options.members.all();
    const enough = all.length >= this.#options.peersTarget;
    const { exchangeIntervalMaxMs } = this.#options;
    this.#exchangeIntervalMs = enough
      ? exchangeIntervalMaxMs
      : Math.min(exchangeIntervalMaxMs, this.#exchangeIntervalMs * 2);
    this.#exchangeAtMs = nowMs + this.#exchangeIntervalMs * (0.75 + Math.random() / 2);
    const member = all[Math.floor(Math.random() * all.length)];
    if (member !== undefined) void this.#askForMore(member);
    if (enough) this.#dialOneLost(nowMs);
  }

  /**
   * Two halves of a mesh that were apart for a while have found enough members each, and nobody would dial across
   * again. Whom we have lost may be on the other side.
   */
  #dialOneLost(nowMs: number): void {
    if (this.#options.members.size + this.#dialling.size >= REDIAL_MEMBERS_MAX) return;
    const lost = this.#book.due(nowMs).filter((contact) => contact.proven && this.#isWanted(contact));
    const contact = lost[Math.floor(Math.random() * lost.length)];
    if (contact !== undefined) void this.#dial(contact);
  }

  async #askForMore(member: Member): Promise<void> {
    this.learn(await this.#options.exchange.ask(member));
  }

  #noticeLoneliness(nowMs: number): void {
    if (this.#noticed || this.#hadMember || this.#options.bootstrap.length === 0) return;
    if (nowMs - this.#startedMs < BOOTSTRAP_PATIENCE_MS || this.#dialError === '') return;
    this.#noticed = true;
    this.#options.notice(
      'MELDMESH_BOOTSTRAP_UNREACHABLE',
      `None of the ${this.#options.bootstrap.length} bootstrap addresses answers (${this.#dialError}); check that such a node runs and that its port is open. Still trying.`,
    );
  }
}

/** The one asked for, then the user's own addresses and members met before, then hearsay. */
function rank(contact: Contact, first: PeerId | undefined): number {
  if (first !== undefined && contact.peer === first) return 0;
  return contact.fixed || contact.proven ? 1 : 2;
}
