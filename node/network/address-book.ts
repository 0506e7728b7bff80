// Whom we could dial and when: addresses by peer, and a back-off that doubles with each failure. Bounded, in
// memory. Opens no connection and knows nobody's state but what it is told.
import type { PeerId } from '../../protocols/index.ts';
import { readAddress } from './addresses.ts';
import { ADDRESSES_PER_PEER_MAX, KNOWN_PEERS_MAX, REDIAL_MAX_MS, REDIAL_MIN_MS } from './constants.ts';

export interface Contact {
  /** The peer id or, for a bootstrap address without one, the address. */
  readonly key: string;
  /** Known from the address, or from the connection that it once led to. */
  peer: PeerId | undefined;
  /** Newest first. */
  addresses: readonly string[];
  failures: number;
  /** Not to be dialled before this. */
  dialAtMs: number;
  /** Was connected as a member once. */
  proven: boolean;
  /** Given by the user: never forgotten. */
  readonly fixed: boolean;
}

export interface Lesson {
  readonly addresses: readonly string[];
  readonly nowMs: number;
  readonly fixed?: boolean;
  /** Wait this long before the first dial. */
  readonly delayMs?: number;
}

export class AddressBook {
  readonly #self: PeerId;
  readonly #contacts = new Map<string, Contact>();

  constructor(self: PeerId) {
    this.#self = self;
  }

  /** How many addresses were unreadable. */
  learn(lesson: Lesson): number {
    let unreadable = 0;
    for (const text of lesson.addresses) {
      const read = readAddress(text);
      if (read === undefined) unreadable += 1;
      else if (read.peer !== this.#self) this.#add(read.peer, read.text, lesson);
    }
    return unreadable;
  }

  /** A connection told who and where this is: its own word on its addresses replaces what others said. */
  meet(peer: PeerId, addresses: readonly string[], nowMs: number): void {
    const contact = this.#contactFor(peer, peer, { addresses, nowMs });
    if (contact === undefined) return;
    const own = addresses.filter((text) => readAddress(text)?.peer === peer);
    if (own.length > 0) contact.addresses = own.slice(0, ADDRESSES_PER_PEER_MAX);
    contact.proven = true;
    contact.failures = 0;
    contact.dialAtMs = nowMs;
  }

  /** Contacts that may be dialled now. */
  due(nowMs: number): readonly Contact[] {
    return [...this.#contacts.values()].filter((contact) => contact.dialAtMs <= nowMs);
  }

  /** `chance` in [0, 1) spreads the redials of many nodes. */
  failed(contact: Contact, nowMs: number, chance: number): void {
    contact.failures += 1;
    const backOffMs = Math.min(REDIAL_MAX_MS, REDIAL_MIN_MS * 2 ** (contact.failures - 1));
    contact.dialAtMs = nowMs + backOffMs * (0.5 + chance);
  }

  /** Dial this peer again soon. */
  hurry(peer: PeerId, nowMs: number): void {
    const contact = this.#contacts.get(peer);
    if (contact !== undefined) contact.dialAtMs = nowMs;
  }

  addressesOf(peer: PeerId): readonly string[] {
    return this.#contacts.get(peer)?.addresses ?? [];
  }

  /** Addresses of everybody who was a member once, for the next start. */
  proven(): readonly string[] {
    return [...this.#contacts.values()]
      .filter((contact) => contact.proven)
      .flatMap((contact) => contact.addresses);
  }

  #add(peer: PeerId | undefined, text: string, lesson: Lesson): void {
    const contact = this.#contactFor(peer ?? text, peer, lesson);
    if (contact === undefined || contact.addresses.includes(text)) return;
    contact.addresses = [text, ...contact.addresses].slice(0, ADDRESSES_PER_PEER_MAX);
  }

  #contactFor(key: string, peer: PeerId | undefined, lesson: Lesson): Contact | undefined {
    const known = this.#contacts.get(key);
    if (known !== undefined) return known;
    if (this.#contacts.size >= KNOWN_PEERS_MAX && !this.#forgetWorst()) return undefined;
    const contact: Contact = {
      key,
      peer,
      addresses: [],
      failures: 0,
      dialAtMs: lesson.nowMs + (lesson.delayMs ?? 0),
      proven: false,
      fixed: lesson.fixed ?? false,
    };
    this.#contacts.set(key, contact);
    return contact;
  }

  /** Strangers that failed most go first; the user's own and proven members that answer stay. */
  #forgetWorst(): boolean {
    let worst: Contact | undefined;
    for (const contact of this.#contacts.values()) {
      if (contact.fixed || (contact.proven && contact.failures === 0)) continue;
      if (worst === undefined || contact.failures > worst.failures) worst = contact;
    }
    return worst !== undefined && this.#contacts.delete(worst.key);
  }
}
