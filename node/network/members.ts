// Who is connected and speaks our mesh's protocol. Learnt from identify, so a stranger of another mesh that is
// connected all the same is not a member.
import type { Connection, IdentifyResult, PeerId as LibraryPeerId } from '@libp2p/interface';
import type { PeerId } from '../../protocols/index.ts';
import { addressOf } from './addresses.ts';
import type { Host } from './host.ts';
import { peerText } from './names.ts';

export interface Member {
  readonly peer: PeerId;
  readonly id: LibraryPeerId;
  /** What it says it listens on, each with its peer id. */
  readonly addresses: readonly string[];
}

export interface MembersOptions {
  readonly host: Host;
  /** A protocol that only members speak. */
  readonly protocol: string;
  joined(member: Member): void;
  left(member: Member): void;
}

export class Members {
  readonly #options: MembersOptions;
  readonly #members = new Map<PeerId, Member>();

  constructor(options: MembersOptions) {
    this.#options = options;
    options.host.addEventListener('peer:identify', ({ detail }) => this.#identified(detail));
    options.host.addEventListener('peer:disconnect', ({ detail }) => this.#disconnected(peerText(detail)));
  }

  /** Ascending. */
  list(): readonly PeerId[] {
    return [...this.#members.keys()].sort();
  }

  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  has(peer: PeerId): boolean {
    return this.#members.has(peer);
  }

  get size(): number {
    return this.#members.size;
  }

  #identified(result: IdentifyResult): void {
    const peer = peerText(result.peerId);
    if (!result.protocols.includes(this.#options.protocol) || !isOpen(result.connection)) return;
    const listening = result.signedPeerRecord?.addresses ?? result.listenAddrs;
    const member = {
      peer,
      id: result.peerId,
      addresses: listening.map((address) => addressOf(address, peer)),
    };
    const isNew = !this.#members.has(peer);
    this.#members.set(peer, member);
    if (isNew) this.#options.joined(member);
  }

  #disconnected(peer: PeerId): void {
    const member = this.#members.get(peer);
    if (member === undefined || this.#options.host.getConnections(member.id).some(isOpen)) return;
    this.#members.delete(peer);
    this.#options.left(member);
  }
}

function isOpen(connection: Connection): boolean {
  return connection.status === 'open';
}
