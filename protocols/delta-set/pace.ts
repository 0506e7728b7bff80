// When a member goes on to the next generation. Pace never decides what the model is, only when a member looks:
// it may use clocks, neighbours' heads and suspicion, and two members need not agree on it.
import type { PeerId } from '../ports.ts';
import { LIVE_GENERATIONS } from './constants.ts';
import type { Context } from './context.ts';
import { Draw } from './draw.ts';
import type { DeltaRecord } from './messages.ts';
import {
  absentAuthors,
  absentCount,
  graceMs,
  hasQuorum,
  type Live,
  observe,
  patienceMs,
  progress,
  widening,
} from './rules.ts';
import type { Neighbour } from './sync.ts';

/** Whom a generation may expect, kept while nothing changes that this rests on. */
interface Known {
  readonly revision: number;
  readonly samples: Map<PeerId, number>;
  /** What the own earlier records claim. */
  readonly claimed: number;
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
  /** Authors who were waited for in vain; forgiven at their next record. */
  readonly #suspects = new Set<PeerId>();
  readonly #draw: Draw;
  /** Rises when neighbours or suspects change. */
  #revision = 0;
  /** The answer of `newestQuorum`, and what it rests on. */
  #quorum = { version: -1, revision: 0, current: 0, own: 0, newest: 0 };
  readonly #knownIn = new Map<number, Known>();

  constructor(
    context: Context,
    hooks: {
      readonly neighbours: () => ReadonlyMap<PeerId, Neighbour>;
      /** Samples of a record of our own that is still to come in this generation; 0 for none. */
      readonly ownSamples: (generation: number) => number;
    },
  ) {
    this.#context = context;
    this.#neighbours = hooks.neighbours;
    this.#ownSamples = hooks.ownSamples;
    this.#draw = new Draw(context.set, context.manifest.pace.contributorsTarget);
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
    if (record.baseGeneration >= this.#current - 2) this.#forgive(record.author);
  }

  /** A neighbour's head was heard. */
  heard(): void {
    this.#revision += 1;
  }

  /**
   * Whether this member is to contribute to the current generation: always without a contributor target; with one when it
   * is drawn, and more are drawn the longer a quorum fails to come.
   */
  draws(): boolean {
    const { self, ports, manifest } = this.#context;
    if (this.#draw.target === undefined) return true;
    const waitedMs = this.#quorumAtMs === undefined ? ports.clock.nowMs() - this.#startedMs : 0;
    const patience = patienceMs(this.#expectedMs(), this.#forcedStreak, manifest.pace);
    return (
      this.#draw.isDrawn(self, this.#current, widening(waitedMs, patience)) &&
      !this.#draw.isCrowdedOut(self, this.#current)
    );
  }

  /** A neighbour vanished: nobody waits for it. If it only lost its link to us, its next record forgives it. */
  left(peer: PeerId): void {
    this.#suspects.add(peer);
    this.#revision += 1;
  }

  joined(peer: PeerId): void {
    this.#revision += 1;
    this.#suspects.delete(peer);
  }

  #forgive(author: PeerId): void {
    if (this.#suspects.delete(author)) this.#revision += 1;
  }

  /** The newest generation with a quorum in the set, at least the newest complete one. */
  newestQuorum(): number {
    const { version } = this.#context.set;
    const own = this.#ownSamples(this.#current) + this.#ownSamples(this.#current + 1);
    const quorum = this.#quorum;
    const isSame =
      quorum.version === version &&
      quorum.revision === this.#revision &&
      quorum.current === this.#current &&
      quorum.own === own;
    if (!isSame) {
      const newest = this.#findNewestQuorum();
      this.#quorum = { version, revision: this.#revision, current: this.#current, own, newest };
    }
    return this.#quorum.newest;
  }

  #findNewestQuorum(): number {
    const { set } = this.#context;
    for (let generation = set.top; generation >= this.#current; generation--) {
      const records = set.counted(generation);
      if (records.length > 0 && this.#isQuorum(records, generation, this.#live(generation)))
        return generation;
    }
    return this.#current - 1;
  }

  /**
   * Contributors that a generation may expect: the authors of the last generations and the neighbours who said
   * that they contribute. For a generation ahead of ours, everybody since then, so that a few who race ahead
   * are not their own quorum.
   */
  #live(generation: number): Live {
    const { self } = this.#context;
    const { target } = this.#draw;
    const { samples, claimed } = this.#known(generation);
    const own = this.#ownSamples(generation) || (target === undefined ? claimed : 0);
    if (own > 0) samples.set(self, own);
    else samples.delete(self);
    return target === undefined || this.#isForAll(generation) ? { samples } : { samples, expected: target };
  }

  /** So few members that everybody is drawn, and those who contribute are known by name. */
  #isForAll(generation: number): boolean {
    return this.#draw.members(generation) !== undefined && this.#draw.share(generation) === 1;
  }

  #known(generation: number): Known {
    const { set } = this.#context;
    let revision = this.#revision;
    for (let of = Math.max(1, this.#current - LIVE_GENERATIONS); of <= set.top; of++) {
      if (of !== generation) revision += set.revision(of);
    }
    let known = this.#knownIn.get(generation);
    if (known?.revision !== revision) {
      const samples = this.#count(generation);
      known = { revision, samples, claimed: samples.get(this.#context.self) ?? 0 };
      this.#knownIn.set(generation, known);
    }
    return known;
  }

  #count(generation: number): Map<PeerId, number> {
    const { set } = this.#context;
    const samples = new Map<PeerId, number>();
    for (let of = Math.max(1, this.#current - LIVE_GENERATIONS); of < generation; of++) {
      for (const record of set.counted(of)) samples.set(record.author, record.samples);
    }
    // A neighbour's word weighs no more than the heaviest record: it may announce samples and never sign any.
    const wordMax = samples.size === 0 ? Number.POSITIVE_INFINITY : Math.max(...samples.values());
    for (const [peer, { head }] of this.#neighbours()) {
      if (head.samples > 0 && !samples.has(peer)) samples.set(peer, Math.min(head.samples, wordMax));
    }
    // Who is in a later generation already, a newcomer say, will not sign in this one any more.
    for (let of = generation + 1; of <= set.top; of++) {
      for (const record of set.held(of)) samples.delete(record.author);
    }
    for (const suspect of this.#suspects) samples.delete(suspect);
    if (this.#draw.target === undefined) return samples;
    for (const author of samples.keys()) if (!this.#draw.isDrawn(author, generation)) samples.delete(author);
    return samples;
  }

  /** Before anybody knows how many members there are, only those known by name are asked for. */
  #isQuorum(records: readonly DeltaRecord[], generation: number, live: Live): boolean {
    const isKnown = this.#draw.members(generation) !== undefined;
    return hasQuorum(records, isKnown ? live : { samples: live.samples }, this.#context.manifest.pace);
  }

  #expectedMs(): number {
    return this.#observedMs ?? this.#context.manifest.pace.patienceMinMs;
  }

  /**
   * Moves on as far as the set and the clock allow; true when the current generation changed. `canForce` lets a
   * member go on without a quorum; not while its own record is still to come.
   */
  advance(canForce: boolean): boolean {
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
    const heads = [...this.#neighbours().values()].map(({ head }) => head.generation);
    return heads.filter((generation) => generation > this.#current).length > heads.length / 2;
  }

  #progress(): ReturnType<typeof progress> {
    const { set, manifest, ports } = this.#context;
    const records = set.counted(this.#current);
    const live = this.#live(this.#current);
    const quorum = this.#isQuorum(records, this.#current, live);
    const now = ports.clock.nowMs();
    if (quorum) this.#quorumAtMs ??= now;
    const patience = patienceMs(this.#expectedMs(), this.#forcedStreak, manifest.pace);
    // With a target the first generation tells how many members there are: it is waited for until it is whole.
    const isCensus = this.#draw.target !== undefined && this.#draw.members(this.#current) === undefined;
    const grace = isCensus ? patience : graceMs(this.#expectedMs());
    const step = progress({
      arrived: records.length,
      absent: isCensus ? Number.POSITIVE_INFINITY : absentCount(records, live),
      quorum,
      waitedMs: now - (this.#firstArrivalMs ?? now),
      sinceQuorumMs: now - (this.#quorumAtMs ?? now),
      graceMs: grace,
      patienceMs: patience,
    });
    if (step === 'wait') {
      const dueMs = quorum ? (this.#quorumAtMs ?? now) + grace : (this.#firstArrivalMs ?? now) + patience;
      if (dueMs > now) ports.clock.wakeAt(dueMs);
    }
    return step;
  }

  #conclude(step: 'complete' | 'cut-off' | 'force'): void {
    const { set, listener, ports } = this.#context;
    const generation = this.#current;
    const records = set.counted(generation);
    if (step !== 'complete') {
      for (const author of absentAuthors(records, this.#live(generation))) this.#suspects.add(author);
      this.#revision += 1;
    }
    this.#forgetStrangers();
    this.#forcedStreak = step === 'force' ? this.#forcedStreak + 1 : 0;
    if (step === 'force') {
      listener.notice(
        'GENERATION_FORCED',
        `generation ${generation} goes on with ${records.length} without a quorum`,
      );
    }
    this.#observedMs = observe(this.#observedMs, Math.max(1, this.#lastArrivalMs - this.#startedMs));
    ports.journal.event('complete', { generation, step, records: records.length });
    this.#enter(generation + 1);
  }

  /** Suspicion matters only of authors who would be waited for; the others may come and go for ever. */
  #forgetStrangers(): void {
    const authors = new Set<PeerId>();
    for (const [peer, { head }] of this.#neighbours()) if (head.samples > 0) authors.add(peer);
    for (let of = Math.max(1, this.#current - LIVE_GENERATIONS); of <= this.#current; of++) {
      for (const record of this.#context.set.counted(of)) authors.add(record.author);
    }
    for (const suspect of this.#suspects) if (!authors.has(suspect)) this.#forgive(suspect);
  }

  #enter(generation: number): void {
    this.#current = generation;
    this.#knownIn.clear();
    this.#startedMs = this.#context.ports.clock.nowMs();
    this.#lastArrivalMs = this.#startedMs;
    this.#quorumAtMs = undefined;
    this.#firstArrivalMs = this.#context.set.counted(generation).length > 0 ? this.#startedMs : undefined;
  }
}
