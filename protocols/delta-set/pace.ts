// When a member goes on to the next generation. Pace never decides what the model is, only when a member looks:
// it may use clocks, neighbours' heads and suspicion, and two members need not agree on it.
import type { PeerId } from '../ports.ts';
import { CENSUS_SHARE } from './constants.ts';
import type { Context } from './context.ts';
import { Contributors, type ContributorsHooks } from './contributors.ts';
import { Draw } from './draw.ts';
import type { DeltaRecord, Head } from './messages.ts';
import {
  absentAuthors,
  absentCount,
  graceMs,
  hasQuorum,
  type Live,
  observe,
  patienceMs,
  progress,
  recordsToQuorum,
  widening,
  wideningMs,
} from './rules.ts';
import type { Neighbour } from './sync.ts';

/** What was found when the current generation was last looked at, and what must happen before it can be otherwise. */
interface Rest {
  readonly revision: number;
  readonly own: number;
  readonly untilMs: number;
  /** Records of this generation that can come until then. */
  arrivals: number;
}

export class Pace {
  readonly #context: Context;
  readonly #neighbours: () => ReadonlyMap<PeerId, Neighbour>;
  readonly #ownSamples: (generation: number) => number;
  /** The generation that is being filled: one above the newest complete one. */
  #current = 1;
  #startedMs = 0;
  /** When the current generation had its first record: patience counts from here. */
  #firstArrivalMs: number | undefined;
  #quorumAtMs: number | undefined;
  #lastArrivalMs = 0;
  #observedMs: number | undefined;
  #forcedStreak = 0;
  readonly #contributors: Contributors;
  readonly #draw: Draw;
  /** The answer of `newestQuorum`, and what it rests on. */
  #quorum = { version: -1, revision: 0, current: 0, own: 0, newest: 0 };
  #rest: Rest | undefined;
  /** The answer of `draws`, and what it rests on. */
  #drawn = { version: -1, nowMs: 0, isDrawn: false };

  constructor(context: Context, hooks: ContributorsHooks) {
    this.#context = context;
    this.#neighbours = hooks.neighbours;
    this.#ownSamples = hooks.ownSamples;
    this.#draw = new Draw(context.set, context.manifest.pace.contributorsTarget);
    this.#contributors = new Contributors(context, this.#draw, hooks);
  }

  get current(): number {
    return this.#current;
  }

  get complete(): number {
    return this.#current - 1;
  }

  begin(complete: number): void {
    this.#enter(complete + 1);
  }

  arrived(record: DeltaRecord): void {
    this.#lastArrivalMs = this.#context.ports.clock.nowMs();
    if (record.generation === this.#current) this.#firstArrivalMs ??= this.#lastArrivalMs;
    if (this.#rest !== undefined && record.generation === this.#current) this.#rest.arrivals -= 1;
    else this.#rest = undefined;
    this.#contributors.arrived(record);
  }

  /** A neighbour's head was heard. */
  heard(peer: PeerId, { samples }: Head): void {
    this.#rest = undefined;
    this.#contributors.heard(peer, samples);
  }

  /**
   * Whether this member is to contribute to the current generation: always without a contributor target; with one when it
   * is drawn, and more are drawn the longer a quorum fails to come. A census begins with few, in the order of their
   * ranks: the lowest ones of a large mesh are all that its members keep of it, and need to count themselves.
   */
  draws(): boolean {
    if (this.#draw.target === undefined) return true;
    const { version } = this.#context.set;
    const nowMs = this.#context.ports.clock.nowMs();
    // Asked several times after each event.
    if (this.#drawn.version !== version || this.#drawn.nowMs !== nowMs)
      this.#drawn = { version, nowMs, isDrawn: this.#isDrawn(nowMs) };
    return this.#drawn.isDrawn;
  }

  #isDrawn(nowMs: number): boolean {
    const { self, manifest } = this.#context;
    const isCensus = this.#draw.isCensus(this.#current);
    const isWaiting = isCensus || this.#quorumAtMs === undefined;
    const waitedMs = isWaiting ? nowMs - this.#startedMs : 0;
    const patience = patienceMs(this.#expectedMs(), this.#forcedStreak, manifest.pace);
    const line = (isCensus ? CENSUS_SHARE : 1) * widening(waitedMs, patience);
    return this.#draw.isDrawn(self, this.#current, line) && !this.#draw.isCrowdedOut(self, this.#current);
  }

  left(peer: PeerId): void {
    this.#contributors.left(peer);
  }

  joined(peer: PeerId): void {
    this.#contributors.joined(peer);
  }

  /** The newest generation with a quorum in the set, at least the newest complete one. */
  newestQuorum(): number {
    if (this.#isResting()) return this.#quorumAtMs === undefined ? this.#current - 1 : this.#current;
    const { version } = this.#context.set;
    const own = this.#ownSamples(this.#current) + this.#ownSamples(this.#current + 1);
    const quorum = this.#quorum;
    const isSame =
      quorum.version === version &&
      quorum.revision === this.#contributors.revision &&
      quorum.current === this.#current &&
      quorum.own === own;
    if (!isSame) {
      const newest = this.#findNewestQuorum();
      const { revision } = this.#contributors;
      this.#quorum = { version, revision, current: this.#current, own, newest };
    }
    return this.#quorum.newest;
  }

  #findNewestQuorum(): number {
    const { set } = this.#context;
    for (let generation = set.top; generation >= this.#current; generation--) {
      const records = set.counted(generation);
      if (records.length > 0 && this.#isQuorum(records, generation)) return generation;
    }
    return this.#current - 1;
  }

  #isQuorum(records: readonly DeltaRecord[], generation: number): boolean {
    return hasQuorum(records, this.#contributors.live(generation), this.#context.manifest.pace);
  }

  #expectedMs(): number {
    return this.#observedMs ?? this.#context.manifest.pace.patienceMinMs;
  }

  /**
   * Moves on as far as the set and the clock allow; true when the current generation changed. `canForce` lets a
   * member go on without a quorum; not while its own record is still to come.
   */
  advance(canForce: boolean): boolean {
    if (this.#rest !== undefined && this.#isResting()) {
      this.#context.ports.clock.wakeAt(this.#rest.untilMs);
      return false;
    }
    const before = this.#current;
    const newest = this.newestQuorum();
    if (newest > this.#current) this.#enter(newest);
    while (this.#passBehind()) this.#enter(this.#current + 1);
    const step = this.#progress();
    if (step === 'wait' || (step === 'force' && !canForce)) return this.#current !== before;
    this.#conclude(step);
    return true;
  }

  /**
   * Most of the neighbours have passed this generation: what the set holds of it is what there is. This is how a
   * newcomer gets through a history whose authors have partly left. Heads are words only, so each counts once.
   */
  #passBehind(): boolean {
    if (this.#context.set.counted(this.#current).length === 0) return false;
    const neighbours = this.#neighbours();
    let ahead = 0;
    for (const { head } of neighbours.values()) if (head.generation > this.#current) ahead += 1;
    return ahead > neighbours.size / 2;
  }

  #progress(): ReturnType<typeof progress> {
    const { set, manifest, ports } = this.#context;
    const records = set.counted(this.#current);
    const live = this.#contributors.live(this.#current);
    const quorum = this.#isQuorum(records, this.#current);
    const now = ports.clock.nowMs();
    if (quorum && this.#quorumAtMs === undefined) {
      this.#quorumAtMs = now;
      this.#drawn.version = -1;
    }
    const patience = patienceMs(this.#expectedMs(), this.#forcedStreak, manifest.pace);
    // With a target the first generation tells how many members there are: it is waited for until it is whole.
    const isCensus = this.#draw.isCensus(this.#current);
    const grace = isCensus ? patience : graceMs(this.#expectedMs());
    // Nothing is forced while members still hold back.
    const heldBackMs = isCensus ? wideningMs(1 / CENSUS_SHARE, patience) : 0;
    const waitsFromMs = Math.max(this.#firstArrivalMs ?? now, this.#startedMs + heldBackMs);
    const step = progress({
      arrived: records.length,
      absent: isCensus ? Number.POSITIVE_INFINITY : absentCount(records, live),
      quorum,
      waitedMs: now - waitsFromMs,
      sinceQuorumMs: now - (this.#quorumAtMs ?? now),
      graceMs: grace,
      patienceMs: patience,
    });
    if (step === 'wait') {
      const dueMs = quorum ? (this.#quorumAtMs ?? now) + grace : waitsFromMs + patience;
      if (dueMs > now) ports.clock.wakeAt(dueMs);
      this.#beginRest(records, { live, quorum, untilMs: dueMs });
    }
    return step;
  }

  /** In a large mesh most records change nothing but their number: they are counted down to the next one that can. */
  #beginRest(
    records: readonly DeltaRecord[],
    { live, quorum, untilMs }: { readonly live: Live; readonly quorum: boolean; readonly untilMs: number },
  ): void {
    const { set, manifest } = this.#context;
    if (set.top > this.#current || records.length === 0) return;
    const { revision } = this.#contributors;
    const arrivals = quorum ? absentCount(records, live) : recordsToQuorum(records, live, manifest.pace);
    this.#rest = { revision, own: this.#ownSamples(this.#current), untilMs, arrivals };
  }

  #isResting(): boolean {
    const rest = this.#rest;
    return (
      rest !== undefined &&
      rest.arrivals > 0 &&
      rest.revision === this.#contributors.revision &&
      rest.own === this.#ownSamples(this.#current) &&
      this.#context.ports.clock.nowMs() < rest.untilMs
    );
  }

  #conclude(step: 'complete' | 'cut-off' | 'force'): void {
    const { set, listener, ports } = this.#context;
    const generation = this.#current;
    const records = set.counted(generation);
    if (step !== 'complete') {
      this.#contributors.suspect(absentAuthors(records, this.#contributors.live(generation)));
    }
    this.#contributors.forgetStrangers();
    this.#forcedStreak = step === 'force' ? this.#forcedStreak + 1 : 0;
    if (step === 'force') {
      listener.notice(
        'GENERATION_FORCED',
        `generation ${generation} goes on with ${records.length} without a quorum`,
      );
    }
    // A census takes as long as its members hold back, which tells nothing of the next generation.
    if (!this.#draw.isCensus(generation))
      this.#observedMs = observe(this.#observedMs, Math.max(1, this.#lastArrivalMs - this.#startedMs));
    ports.journal.event('complete', { generation, step, records: records.length });
    this.#enter(generation + 1);
  }

  #enter(generation: number): void {
    this.#current = generation;
    this.#rest = undefined;
    this.#drawn.version = -1;
    this.#contributors.enter(generation);
    this.#startedMs = this.#context.ports.clock.nowMs();
    this.#lastArrivalMs = this.#startedMs;
    this.#quorumAtMs = undefined;
    this.#firstArrivalMs = this.#context.set.counted(generation).length > 0 ? this.#startedMs : undefined;
  }
}
