// Whom a generation may expect: the authors of the last generations and the neighbours who said that they contribute,
// less those who were waited for in vain. Words and suspicion go into it, so two members need not agree.
import type { PeerId } from '../ports.ts';
import { changeBetween } from './change.ts';
import { LIVE_GENERATIONS } from './constants.ts';
import type { Context } from './context.ts';
import type { Draw } from './draw.ts';
import type { DeltaRecord } from './messages.ts';
import { keptMax, type Live, weightMaxOf } from './rules.ts';
import type { Neighbour } from './sync.ts';
import { Tally } from './tally.ts';

/** An answer, kept while nothing changes that it rests on. */
interface Known {
  readonly revision: number;
  readonly own: number;
  readonly live: Live;
}

/** Ranks in one generation of those who are counted in another, kept while most of these stay the same. */
interface Ranked {
  records: readonly DeltaRecord[];
  readonly ranks: number[];
}

export interface ContributorsHooks {
  readonly neighbours: () => ReadonlyMap<PeerId, Neighbour>;
  /** Samples of a record of our own that is still to come in this generation; 0 for none. */
  readonly ownSamples: (generation: number) => number;
}

export class Contributors {
  readonly #context: Context;
  readonly #hooks: ContributorsHooks;
  readonly #draw: Draw;
  readonly #room: number;
  #current = 1;
  /** Authors who were waited for in vain; forgiven at their next record. */
  readonly #suspects = new Set<PeerId>();
  /** Whose newest record came for a generation that was over: what it claims, and where we were. Nobody waits for them,
   * but they are there. */
  readonly #late = new Map<PeerId, { readonly samples: number; readonly current: number }>();
  /** What neighbours last said that they contribute. */
  readonly #words = new Map<PeerId, number>();
  #revision = 0;
  readonly #knownIn = new Map<number, Known>();
  readonly #rankedIn = new Map<string, Ranked>();

  constructor(context: Context, draw: Draw, hooks: ContributorsHooks) {
    this.#context = context;
    this.#draw = draw;
    this.#hooks = hooks;
    const { limits, pace } = context.manifest;
    this.#room = keptMax(limits.contributorsMax, pace.contributorsTarget);
  }

  /** Rises when neighbours or suspects change. */
  get revision(): number {
    return this.#revision;
  }

  /** The generation that is being filled is another one. */
  enter(generation: number): void {
    this.#current = generation;
    this.#knownIn.clear();
    this.#rankedIn.clear();
    for (const [author, late] of this.#late) {
      if (late.current < generation - LIVE_GENERATIONS) this.#late.delete(author);
    }
  }

  arrived({ author, samples, generation, baseGeneration }: DeltaRecord): void {
    if (baseGeneration >= this.#current - 2) this.#forgive(author);
    if (generation >= this.#current) {
      if (this.#late.delete(author)) this.#revision += 1;
    } else if (this.#late.get(author)?.current !== this.#current) {
      this.#late.set(author, { samples, current: this.#current });
      this.#revision += 1;
    }
  }

  heard(peer: PeerId, samples: number): void {
    if (this.#words.get(peer) === samples) return;
    this.#words.set(peer, samples);
    this.#revision += 1;
  }

  /** Nobody waits for it. If it only lost its link to us, its next record forgives it. */
  left(peer: PeerId): void {
    this.#suspects.add(peer);
    this.#late.delete(peer);
    this.#words.delete(peer);
    this.#revision += 1;
  }

  joined(peer: PeerId): void {
    this.#suspects.delete(peer);
    this.#revision += 1;
  }

  suspect(authors: readonly PeerId[]): void {
    for (const author of authors) this.#suspects.add(author);
    this.#revision += 1;
  }

  /** Suspicion matters only of authors who would be waited for; the others may come and go for ever. */
  forgetStrangers(): void {
    const authors = new Set<PeerId>();
    for (const [peer, { head }] of this.#hooks.neighbours()) if (head.samples > 0) authors.add(peer);
    for (let of = this.#firstLive; of <= this.#current; of++) {
      for (const record of this.#context.set.counted(of)) authors.add(record.author);
    }
    for (const suspect of this.#suspects) if (!authors.has(suspect)) this.#forgive(suspect);
  }

  /**
   * Whom this generation may expect. For one ahead of ours, everybody since then, so that a few who race ahead are not
   * their own quorum. Before anybody knows how many members there are, only those known by name.
   */
  live(generation: number): Live {
    const { set } = this.#context;
    const own = this.#hooks.ownSamples(generation);
    let revision = this.#revision;
    for (let of = this.#firstLive; of <= set.top; of++) {
      if (of !== generation) revision += set.revision(of);
    }
    let known = this.#knownIn.get(generation);
    if (known?.revision !== revision || known.own !== own) {
      known = { revision, own, live: this.#find(generation, own) };
      this.#knownIn.set(generation, known);
    }
    return known.live;
  }

  get #firstLive(): number {
    return Math.max(1, this.#current - LIVE_GENERATIONS);
  }

  #forgive(author: PeerId): void {
    if (this.#suspects.delete(author)) this.#revision += 1;
  }

  #find(generation: number, ownSamples: number): Live {
    const { self } = this.#context;
    const { target } = this.#draw;
    const samples = this.#count(generation);
    const isByName = target === undefined || this.#isForAll(generation);
    const slow = isByName ? this.#slow(samples) : undefined;
    const weightMax = weightMaxOf([...samples.values(), ...(slow?.values() ?? [])]);
    // What the own earlier records claim stands in for a record that is not certain yet.
    const own = ownSamples || (target === undefined ? (samples.get(self) ?? 0) : 0);
    if (own > 0) samples.set(self, own);
    else samples.delete(self);
    const claims = { samples, slow, weightMax };
    const expected = isByName || this.#draw.isCensus(generation) ? undefined : target;
    return { ...claims, expected, room: this.#room, tally: new Tally(claims) };
  }

  /** So few members that everybody is drawn, and those who contribute are known by name. */
  #isForAll(generation: number): boolean {
    return !this.#draw.isCensus(generation) && this.#draw.share(generation) === 1;
  }

  #count(generation: number): Map<PeerId, number> {
    const { set } = this.#context;
    const line = this.#draw.share(generation);
    const samples = new Map<PeerId, number>();
    let heaviest = 0;
    for (let of = this.#firstLive; of < generation; of++) {
      const records = set.counted(of);
      const ranks = line < 1 ? this.#ranksOf(records, of, generation) : undefined;
      for (let i = 0; i < records.length; i++) {
        heaviest = Math.max(heaviest, records[i].samples);
        if (ranks === undefined || ranks[i] < line) samples.set(records[i].author, records[i].samples);
      }
    }
    // A neighbour's word weighs no more than the heaviest record: it may announce samples and never sign any.
    const wordMax = heaviest === 0 ? Number.POSITIVE_INFINITY : heaviest;
    for (const [peer, { head }] of this.#hooks.neighbours()) {
      if (head.samples > 0 && !samples.has(peer) && (line >= 1 || set.rank(peer, generation) < line))
        samples.set(peer, Math.min(head.samples, wordMax));
    }
    for (const author of samples.keys()) {
      if (this.#suspects.has(author) || this.#isFurther(author, generation)) samples.delete(author);
    }
    return samples;
  }

  /** Who is in a later generation already, a newcomer say, will not sign in this one any more. */
  #isFurther(author: PeerId, generation: number): boolean {
    const { set } = this.#context;
    for (let of = generation + 1; of <= set.top; of++) if (set.isAuthor(author, of)) return true;
    return false;
  }

  /** Ranks in `generation` of the authors of records of another one. */
  #ranksOf(records: readonly DeltaRecord[], of: number, generation: number): readonly number[] {
    const { set } = this.#context;
    const key = `${of} ${generation}`;
    const ranked: Ranked = this.#rankedIn.get(key) ?? { records: [], ranks: [] };
    this.#rankedIn.set(key, ranked);
    const { first, lastBefore, lastAfter } = changeBetween(ranked.records, records);
    const added = records.slice(first, lastAfter).map(({ author }) => set.rank(author, generation));
    ranked.ranks.splice(first, lastBefore - first, ...added);
    ranked.records = records;
    return ranked.ranks;
  }

  /** Who has been heard within the last generations, always too late. */
  #slow(samples: ReadonlyMap<PeerId, number>): ReadonlyMap<PeerId, number> {
    const slow = new Map<PeerId, number>();
    for (const [author, late] of this.#late) {
      if (author !== this.#context.self && !samples.has(author)) slow.set(author, late.samples);
    }
    return slow;
  }
}
