// A member's own score of its peers: incidents that fade, and a refusal when there were too many. Dial failures and
// time-outs are no misbehaviour and never come here: a busy node would ban its whole mesh with them.
import type { PeerId } from './ports.ts';

/** One incident is charged once, however often it shows within this time. */
export const INCIDENT_MS = 10_000;
export const PENALTY_HALF_LIFE_MS = 10 * 60_000;
/** Incidents after which a peer is disconnected and refused. */
export const INCIDENTS_MAX = 3;
export const REFUSAL_MS = 5 * 60_000;
/** Gossip score of one incident. Good conduct is worth up to 7, so one incident can be outweighed, two cannot. */
const INCIDENT_SCORE = -5;
const PENALISED_PEERS_MAX = 1_024;

interface Record {
  incidents: number;
  atMs: number;
  refusedUntilMs: number;
  readonly lastByReasonMs: Map<string, number>;
}

/** What a charge led to; `refused` means that the caller should disconnect the peer now. */
export type Charge = 'same-incident' | 'charged' | 'refused';

export class Penalties {
  readonly #now: () => number;
  readonly #records = new Map<string, Record>();

  constructor(now: () => number) {
    this.#now = now;
  }

  charge(peer: PeerId, reason: string): Charge {
    const nowMs = this.#now();
    const record = this.#recordOf(peer, nowMs);
    const lastMs = record.lastByReasonMs.get(reason);
    if (lastMs !== undefined && nowMs - lastMs < INCIDENT_MS) return 'same-incident';
    if (record.lastByReasonMs.size >= 16) record.lastByReasonMs.clear();
    record.lastByReasonMs.set(reason, nowMs);
    record.incidents = faded(record, nowMs) + 1;
    record.atMs = nowMs;
    // A hair below the limit, because the first incident has faded a little when the last one comes.
    if (record.incidents < INCIDENTS_MAX - 0.5) return 'charged';
    record.refusedUntilMs = nowMs + REFUSAL_MS;
    return 'refused';
  }

  /** Never positive; gossipsub adds it to its own score of the peer. */
  score(peer: string): number {
    const record = this.#records.get(peer);
    return record === undefined ? 0 : INCIDENT_SCORE * faded(record, this.#now());
  }

  isRefused(peer: string): boolean {
    return (this.#records.get(peer)?.refusedUntilMs ?? 0) > this.#now();
  }

  #recordOf(peer: string, nowMs: number): Record {
    const known = this.#records.get(peer);
    if (known !== undefined) return known;
    if (this.#records.size >= PENALISED_PEERS_MAX) this.#forgetOldest();
    const record: Record = { incidents: 0, atMs: nowMs, refusedUntilMs: 0, lastByReasonMs: new Map() };
    this.#records.set(peer, record);
    return record;
  }

  #forgetOldest(): void {
    for (const peer of this.#records.keys()) {
      this.#records.delete(peer);
      return;
    }
  }
}

function faded(record: Record, nowMs: number): number {
  return record.incidents * 2 ** ((record.atMs - nowMs) / PENALTY_HALF_LIFE_MS);
}
