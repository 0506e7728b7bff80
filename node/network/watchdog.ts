// Repairs what libp2p does not: a member that is connected but whose gossip stream has died (only the side that
// lost it can tell; waiting never mends it, reconnecting does at once), and connections to machines that vanished.
import type { GossipSub } from '@libp2p/gossipsub';
import type { PeerId } from '../../protocols/index.ts';
import type { ByteMeter } from './byte-counts.ts';
import { GOSSIP_MISSING_CHECKS, GOSSIP_REPAIR_MIN_MS, LATE_CHECK_MS, SILENCE_MAX_MS } from './constants.ts';
import type { Host } from './host.ts';
import type { Member, Members } from './members.ts';
import type { Refusals } from './refusals.ts';

export interface WatchdogOptions {
  readonly host: Host;
  readonly gossip: GossipSub;
  readonly members: Members;
  readonly meter: ByteMeter;
  readonly refusals: Refusals;
  readonly now: () => number;
  readonly tickMs: number;
  reconnect(member: Member): Promise<void>;
}

interface Suspicion {
  missing: number;
  repairedMs: number;
}

export class Watchdog {
  readonly #options: WatchdogOptions;
  readonly #suspicions = new Map<PeerId, Suspicion>();
  #timer: NodeJS.Timeout | undefined;
  #checkedMs = 0;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    this.#checkedMs = this.#options.now();
    this.#timer = setInterval(() => this.check(), this.#options.tickMs);
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** One look at all members. Skipped when it comes late: then we were blocked, and nobody else is at fault. */
  check(): void {
    const nowMs = this.#options.now();
    const late = nowMs - this.#checkedMs > LATE_CHECK_MS;
    this.#checkedMs = nowMs;
    if (late) {
      this.#options.meter.forgiveSilence();
      return;
    }
    this.#cutSilent();
    this.#mendGossip(nowMs);
  }

  #cutSilent(): void {
    for (const connection of this.#options.meter.silentConnections(SILENCE_MAX_MS)) {
      this.#options.refusals.count('connection-silent');
      connection.abort(new Error('nothing was heard on this connection for too long'));
    }
  }

  #mendGossip(nowMs: number): void {
    const members = this.#options.members;
    for (const peer of this.#suspicions.keys()) {
      const suspicion = this.#suspicions.get(peer);
      const old = suspicion !== undefined && nowMs - suspicion.repairedMs > GOSSIP_REPAIR_MIN_MS;
      if (old && !members.has(peer)) this.#suspicions.delete(peer);
    }
    const heard = new Set(this.#options.gossip.getPeers().map((peer) => peer.toString()));
    for (const member of members.all()) {
      if (heard.has(member.peer) && this.#hasStreams(member)) this.#clear(member.peer);
      else this.#suspect(member, nowMs);
    }
  }

  /** Messages need a stream each way, and either may be gone while the other lives. */
  #hasStreams(member: Member): boolean {
    let inbound = false;
    let outbound = false;
    for (const connection of this.#options.host.getConnections(member.id)) {
      for (const stream of connection.streams) {
        if (!stream.protocol.startsWith('/meshsub/')) continue;
        if (stream.direction === 'inbound') inbound = true;
        else outbound ||= stream.status === 'open';
      }
    }
    return inbound && outbound;
  }

  #clear(peer: PeerId): void {
    const suspicion = this.#suspicions.get(peer);
    if (suspicion !== undefined) suspicion.missing = 0;
  }

  #suspect(member: Member, nowMs: number): void {
    const known = this.#suspicions.get(member.peer);
    const suspicion = known ?? { missing: 0, repairedMs: Number.NEGATIVE_INFINITY };
    this.#suspicions.set(member.peer, suspicion);
    suspicion.missing += 1;
    const recently = nowMs - suspicion.repairedMs < GOSSIP_REPAIR_MIN_MS;
    if (suspicion.missing < GOSSIP_MISSING_CHECKS || recently) return;
    suspicion.missing = 0;
    suspicion.repairedMs = nowMs;
    this.#options.refusals.count('gossip-stream-lost');
    void this.#options.reconnect(member);
  }
}
