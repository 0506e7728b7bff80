// Questions from peer to peer: one answer to each, at the latest at its deadline, a few at a time over one link.
import type { Call, PeerId, PortEvent, Ticket } from '../../protocols/index.ts';
import type { World } from '../world.ts';
import type { Links } from './links.ts';
import type { Link, Member } from './member.ts';
import {
  type Cost,
  FRAME_BYTES,
  framingOf,
  REQUEST_BYTES,
  RESPONSE_BYTES,
  TRANSFER_FRAME_BYTES,
} from './wire-costs.ts';

/** Under way over one link; more wait for their turn. */
const PARALLEL_MAX: Readonly<Record<Call, number>> = { sync: 2, blob: 4 };
/** Waiting or under way of one peer; more are answered at once with nothing. */
const PENDING_MAX = 1_024;

export interface Question {
  readonly to: PeerId;
  readonly call: Call;
  readonly bytes: Uint8Array;
  readonly deadlineMs: number;
  readonly ticket: Ticket;
  readonly deliver: (event: PortEvent) => void;
}

interface Pending extends Question {
  isOpen: boolean;
  isUnderWay: boolean;
}

export class Requests {
  readonly #world: World;
  readonly #links: Links;
  readonly #memberOf: (id: PeerId) => Member | undefined;
  readonly #pending = new Map<Member, Map<PeerId, Pending[]>>();

  constructor(parts: {
    readonly world: World;
    readonly links: Links;
    readonly memberOf: (id: PeerId) => Member | undefined;
  }) {
    this.#world = parts.world;
    this.#links = parts.links;
    this.#memberOf = parts.memberOf;
  }

  /** `asker` is absent where the peer has not joined. */
  ask(asker: Member | undefined, question: Question): void {
    const link = asker && this.#linkTo(asker, question.to);
    const pending: Pending = { ...question, isOpen: true, isUnderWay: false };
    if (asker === undefined || link === undefined || this.#count(asker) >= PENDING_MAX) {
      this.#world.after(0, () => this.#answer(pending, undefined));
      return;
    }
    this.#world.after(question.deadlineMs, () => this.#settle(asker, pending, undefined));
    this.#laneOf(asker, question.to).push(pending);
    this.#advance(link);
  }

  /** Over a link that has closed nothing is answered any more. */
  closed({ from, to }: Link): void {
    const lanes = this.#pending.get(from);
    const lane = lanes?.get(to.id) ?? [];
    lanes?.delete(to.id);
    for (const pending of lane) this.#answer(pending, undefined);
  }

  left(member: Member): void {
    this.#pending.delete(member);
  }

  #advance(link: Link): void {
    const lane = this.#laneOf(link.from, link.to.id);
    for (const call of ['sync', 'blob'] as const) {
      const ofCall = lane.filter((pending) => pending.call === call);
      const free = PARALLEL_MAX[call] - ofCall.filter((pending) => pending.isUnderWay).length;
      for (const pending of ofCall.filter((each) => !each.isUnderWay).slice(0, Math.max(0, free)))
        this.#start(link, pending);
    }
  }

  #start(link: Link, pending: Pending): void {
    const { call, bytes } = pending;
    const { from, to } = link;
    pending.isUnderWay = true;
    this.#links.send(link, costOf(call, bytes.length, REQUEST_BYTES), () => {
      let isServed = false;
      to.endpoint.serve(from.id, call, bytes, (response) => {
        const back = to.links.get(from);
        if (isServed || back === undefined || !link.isOpen) return;
        isServed = true;
        const size = response?.length ?? 0;
        this.#links.send(back, costOf(call, size, RESPONSE_BYTES), () => {
          this.#world.trace.event(from.id, call, { bytes: size, text: `from ${to.id}` });
          this.#settle(from, pending, response);
        });
      });
    });
  }

  #settle(asker: Member, pending: Pending, response: Uint8Array | undefined): void {
    if (!pending.isOpen) return;
    const lane = this.#pending.get(asker)?.get(pending.to);
    lane?.splice(lane.indexOf(pending), 1);
    const link = this.#linkTo(asker, pending.to);
    if (link !== undefined) this.#advance(link);
    this.#answer(pending, response);
  }

  #answer(pending: Pending, bytes: Uint8Array | undefined): void {
    if (!pending.isOpen) return;
    pending.isOpen = false;
    const { ticket, to: from, deliver } = pending;
    deliver({ kind: 'response', ticket, from, bytes });
  }

  #linkTo(asker: Member, id: PeerId): Link | undefined {
    const other = this.#memberOf(id);
    return other && asker.links.get(other);
  }

  #laneOf(asker: Member, to: PeerId): Pending[] {
    const lanes = this.#pending.get(asker) ?? new Map<PeerId, Pending[]>();
    this.#pending.set(asker, lanes);
    const lane = lanes.get(to) ?? [];
    lanes.set(to, lane);
    return lane;
  }

  #count(asker: Member): number {
    let count = 0;
    for (const lane of this.#pending.get(asker)?.values() ?? []) count += lane.length;
    return count;
  }
}

/** The first frame's share of the framing is in the measured cost of a request. */
function costOf(call: Call, size: number, aroundBytes: number): Cost {
  const controlBytes = aroundBytes + framingOf(size + 1) - FRAME_BYTES;
  if (call === 'sync') return { kind: 'control', bytes: size, controlBytes };
  return { kind: 'transfer', bytes: size + TRANSFER_FRAME_BYTES, controlBytes };
}
