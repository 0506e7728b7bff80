// Carries bytes over links: an uplink takes them one after the other, some are lost, the others arrive after their
// latency, and every byte is counted where it leaves and where it arrives.
import type { Random } from '../../fusion/index.ts';
import type { World } from '../world.ts';
import type { ByteCounts } from './endpoint.ts';
import type { Link, Member } from './member.ts';
import type { NetworkOptions } from './options.ts';
import type { Cost } from './wire-costs.ts';

/** Waiting in one uplink; more is lost, as a real node cuts the stream of a peer that does not keep up. */
const UNSENT_BYTES_MAX = 8 * 1024 * 1024;
/** A repeated message comes up to this much later. */
const REPEAT_MS = 5_000;

export class Links {
  readonly #world: World;
  readonly #options: NetworkOptions;
  readonly #jitter: Random;
  readonly #loss: Random;
  readonly #repeats: Random;
  readonly #lateness: Random;

  constructor(world: World, options: NetworkOptions, random: Random) {
    this.#world = world;
    this.#options = options;
    this.#jitter = random.fork('jitter');
    this.#loss = random.fork('loss');
    this.#repeats = random.fork('repeats');
    this.#lateness = random.fork('lateness');
  }

  /** Once over the link, jitter included. */
  latencyMs({ latencyMs }: Link): number {
    const { jitter } = this.#options;
    return jitter === 0 ? latencyMs : latencyMs * (1 + jitter * (2 * this.#jitter.float() - 1));
  }

  /** `arrive` is called unless the bytes are lost or the link has closed meanwhile. */
  send(link: Link, cost: Cost, arrive: () => void, lateMs = 0): void {
    const { from, to } = link;
    if (!link.isOpen) return;
    const waitMs = this.#occupyUplink(from, cost.bytes + cost.controlBytes);
    if (waitMs === undefined) return;
    count(from.bytes.out, cost);
    const { loss } = this.#options;
    if (loss > 0 && this.#loss.float() < loss) return;
    this.#world.after(waitMs + this.latencyMs(link) + lateMs, () => {
      if (!link.isOpen) return;
      count(to.bytes.in, cost);
      arrive();
    });
  }

  /** A gossip message: it may come late, or again. */
  sendGossip(link: Link, cost: Cost, arrive: () => void): void {
    const { late = 0, lateMs, duplicates } = this.#options;
    const isLate = late > 0 && lateMs !== undefined && this.#lateness.float() < late;
    this.send(link, cost, arrive, isLate ? between(this.#lateness, lateMs) : 0);
    if (duplicates > 0 && this.#repeats.float() < duplicates)
      this.send(link, cost, arrive, REPEAT_MS * this.#repeats.float());
  }

  /** Words that are neither lost nor waited for: both sides have heard them now. */
  exchange({ from, to }: Link, cost: Cost): void {
    count(from.bytes.out, cost);
    count(to.bytes.in, cost);
  }

  /** Milliseconds until the last byte has left; `undefined` when too much waits already. */
  #occupyUplink(sender: Member, bytes: number): number | undefined {
    const { bytesPerSecond } = sender;
    if (bytesPerSecond === undefined) return 0;
    const { nowMs } = this.#world;
    const startMs = Math.max(nowMs, sender.uplinkFreeMs);
    if (((startMs - nowMs) * bytesPerSecond) / 1_000 > UNSENT_BYTES_MAX) return undefined;
    sender.uplinkFreeMs = startMs + (1_000 * bytes) / bytesPerSecond;
    return sender.uplinkFreeMs - nowMs;
  }
}

const between = (random: Random, [low, high]: readonly [number, number]): number =>
  low + random.float() * (high - low);

function count(counts: ByteCounts, { kind, bytes, controlBytes }: Cost): void {
  counts[kind] += bytes;
  counts.control += controlBytes;
}
