// The replicated set of delta records and what follows from it alone: which records count, and digests by which
// two members see whether they hold the same. It knows no time, no network and no payloads.
//
// What is kept does not depend on the order in which records came, and nobody can fill it: of one generation the
// authors of lowest rank, of one author two records. An honest author signs one; the second is kept as the proof
// that its author signs two, and makes both void. When the jury has decided, only what it knew is looked at, so
// that a second record made up later voids nothing. Nothing here looks below a record's own generation: members
// whose histories begin at different generations agree on what both have.
import type { Manifest } from '../manifest/schema.ts';
import type { Hash, PeerId, Signer } from '../ports.ts';
import { RECORDS_PER_AUTHOR_MAX } from './constants.ts';
import { followJury, hasKnown, type Jury, judge } from './jury.ts';
import type { DeltaRecord } from './messages.ts';
import { fractionOf, keptMax } from './rules.ts';

/** Who contributes when there are too many: by a hash, so that it changes from generation to generation. */
export interface Rank {
  readonly hash: Hash;
  readonly fraction: number;
}

export type RankOf = (generation: number, author: PeerId) => Rank;

export interface Added {
  /** `surplus`: one more than is kept of its author or generation; nothing changed, as for `duplicate`. */
  readonly outcome: 'added' | 'equivocation' | 'duplicate' | 'surplus';
  /** The lowest generation whose counted records are now others. */
  readonly changedFrom?: number;
  /** Records that this one has pushed out. */
  readonly evicted?: readonly DeltaRecord[];
}

interface Generation {
  /** By author, ascending by id. */
  readonly authors: Map<PeerId, readonly DeltaRecord[]>;
  readonly byId: Map<Hash, DeltaRecord>;
  /** Its authors, ascending by rank. */
  readonly ranked: { readonly author: PeerId; readonly rank: Rank }[];
  counted: readonly DeltaRecord[];
  /** What its counted records know of the generation one window back. */
  jury: Jury | undefined;
  /** Rises with every change of what is kept or counted. */
  revision: number;
  // Made when asked for, forgotten at the next record.
  held: readonly DeltaRecord[] | undefined;
  digest: string | undefined;
}

export interface RecordSetOptions {
  readonly correctionWindow: number;
  readonly contributorsMax: number;
  /** Draws differ from mesh to mesh: their ranks begin with its id. Absent: a mesh without a contributor target. */
  readonly drawnIn?: Hash;
  readonly hash: Signer['hash'];
  /** A memory of ranks that many sets of one mesh share; absent: each works out its own. */
  readonly rankOf?: RankOf;
}

/** Works ranks out. */
export function ranking(drawnIn: Hash | undefined, hash: Signer['hash']): RankOf {
  const mesh = drawnIn === undefined ? '' : `${drawnIn} `;
  return (generation, author) => {
    const rank = hash(encoder.encode(`${mesh}${generation} ${author}`));
    return { hash: rank, fraction: fractionOf(rank) };
  };
}

/** What a manifest says of the set. */
export function recordSetOptionsOf(
  { history, limits, pace }: Pick<Manifest, 'history' | 'limits' | 'pace'>,
  meshId: Hash,
  hash: Signer['hash'],
): RecordSetOptions {
  const { contributorsTarget } = pace;
  return {
    correctionWindow: history.correctionWindow,
    contributorsMax: keptMax(limits.contributorsMax, contributorsTarget),
    drawnIn: contributorsTarget === undefined ? undefined : meshId,
    hash,
  };
}

const byId = (a: DeltaRecord, b: DeltaRecord): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const encoder = new TextEncoder();

export class RecordSet {
  readonly #options: RecordSetOptions;
  readonly #rankOf: RankOf;
  readonly #generations = new Map<number, Generation>();
  #top = 0;
  #version = 0;
  #floor = 0;

  constructor(options: RecordSetOptions) {
    this.#options = options;
    this.#rankOf = options.rankOf ?? ranking(options.drawnIn, options.hash);
  }

  /** Highest generation with a record in it. */
  get top(): number {
    return this.#top;
  }

  /** Generations up to this one are sealed: nothing is added to them any more. */
  get floor(): number {
    return this.#floor;
  }

  /** Rises whenever anything in the set changes. */
  get version(): number {
    return this.#version;
  }

  has(id: Hash, generation: number): boolean {
    return this.get(id, generation) !== undefined;
  }

  get(id: Hash, generation: number): DeltaRecord | undefined {
    return this.#generations.get(generation)?.byId.get(id);
  }

  isAuthor(author: PeerId, generation: number): boolean {
    return this.#generations.get(generation)?.authors.has(author) === true;
  }

  /** Records kept of a generation, ascending by id: what votes name and what neighbours compare. */
  held(generation: number): readonly DeltaRecord[] {
    const open = this.#generations.get(generation);
    if (open === undefined) return [];
    open.held ??= [...open.byId.values()].sort(byId);
    return open.held;
  }

  /** Rises whenever what is kept or counted of a generation changes. */
  revision(generation: number): number {
    return this.#generations.get(generation)?.revision ?? 0;
  }

  /** The ranks of a generation's authors as fractions, ascending. */
  ranks(generation: number): readonly number[] {
    return this.#generations.get(generation)?.ranked.map(({ rank }) => rank.fraction) ?? [];
  }

  /** The so manieth lowest rank of a generation, from 0; `undefined` where it has fewer authors. */
  rankAt(generation: number, index: number): number | undefined {
    return this.#generations.get(generation)?.ranked[index]?.rank.fraction;
  }

  /** An author's rank in a generation, as a fraction. */
  rank(author: PeerId, generation: number): number {
    return this.#rankOf(generation, author).fraction;
  }

  /** Records of a generation with weight, ascending by id: at most one of each author. */
  counted(generation: number): readonly DeltaRecord[] {
    return this.#generations.get(generation)?.counted ?? [];
  }

  /** Whether `add` would keep this record. */
  wouldKeep(record: DeltaRecord): boolean {
    if (record.generation <= this.#floor) return false;
    const authors = this.#generations.get(record.generation)?.authors;
    if (authors === undefined) return true;
    const own = authors.get(record.author);
    if (own === undefined && authors.size < this.#options.contributorsMax) return true;
    if (own === undefined) {
      const { hash } = this.#rankOf(record.generation, record.author);
      return hash < (this.#lastByRank(record.generation)?.rank.hash ?? '');
    }
    return this.#best(record.generation, [...own, record]).includes(record);
  }

  /** Adds one record, or says why it is not kept. */
  add(record: DeltaRecord): Added {
    if (this.has(record.id, record.generation)) return { outcome: 'duplicate' };
    if (!this.wouldKeep(record)) return { outcome: 'surplus' };
    const generation = this.#open(record.generation);
    const before = generation.authors.get(record.author) ?? [];
    const evicted: DeltaRecord[] = [];
    if (before.length === 0 && generation.authors.size >= this.#options.contributorsMax) {
      const last = generation.ranked.pop();
      if (last !== undefined) {
        evicted.push(...(generation.authors.get(last.author) ?? []));
        generation.authors.delete(last.author);
      }
    }
    if (before.length === 0) this.#insertRank(record.generation, generation, record.author);
    // Not spread where it is alone, as nearly always: such an array would keep room for sixteen more.
    const kept = before.length === 0 ? [record] : this.#best(record.generation, [...before, record]);
    evicted.push(...before.filter((other) => !kept.includes(other)));
    generation.authors.set(record.author, kept.length === 1 ? kept : [...kept].sort(byId));
    for (const { id } of evicted) generation.byId.delete(id);
    generation.byId.set(record.id, record);
    const heldBefore = generation.held;
    generation.held = withRecord(generation.held, record, evicted);
    generation.digest = undefined;
    generation.revision += 1;
    this.#version += 1;
    this.#top = Math.max(this.#top, record.generation);
    const isOneMore = before.length === 0 && evicted.length === 0 && generation.counted === heldBefore;
    const changedFrom = this.#judgeFrom(record.generation, isOneMore ? record : undefined);
    return { outcome: before.length === 0 ? 'added' : 'equivocation', changedFrom, evicted };
  }

  /** 16 hex digits that are equal where the records held of a generation are; empty sets give ''. */
  digest(generation: number): string {
    const open = this.#generations.get(generation);
    if (open === undefined || open.authors.size === 0) return '';
    open.digest ??= this.#options
      .hash(
        encoder.encode(
          this.held(generation)
            .map(({ id }) => id)
            .join(''),
        ),
      )
      .slice(0, 16);
    return open.digest;
  }

  /** Everything held, ascending by generation and id. */
  *all(): IterableIterator<DeltaRecord> {
    for (const key of [...this.#generations.keys()].sort((a, b) => a - b)) yield* this.held(key);
  }

  /** Seals everything up to a generation and forgets its records. Returns what was forgotten. */
  seal(floor: number): readonly DeltaRecord[] {
    const sealed = [...this.#generations.keys()].filter((key) => key <= floor);
    const forgotten = sealed.flatMap((key) => this.held(key));
    for (const key of sealed) this.#generations.delete(key);
    this.#floor = Math.max(this.#floor, floor);
    this.#version += 1;
    this.#top = Math.max(this.#top, this.#floor);
    return forgotten;
  }

  #open(number: number): Generation {
    let generation = this.#generations.get(number);
    if (generation === undefined) {
      const kept = { authors: new Map(), byId: new Map(), ranked: [] };
      generation = {
        ...kept,
        counted: [],
        jury: undefined,
        revision: 0,
        held: undefined,
        digest: undefined,
      };
      this.#generations.set(number, generation);
    }
    return generation;
  }

  #insertRank(number: number, { ranked }: Generation, author: PeerId): void {
    const rank = this.#rankOf(number, author);
    const at = placeOf(ranked.length, (i) => ranked[i].rank.hash <= rank.hash);
    ranked.splice(at, 0, { author, rank });
  }

  #lastByRank(generation: number): Generation['ranked'][number] | undefined {
    return this.#generations.get(generation)?.ranked.at(-1);
  }

  /** The records of one author that are kept: those that the jury knew before others, then the smallest ids. */
  #best(generation: number, records: readonly DeltaRecord[]): readonly DeltaRecord[] {
    if (records.length <= RECORDS_PER_AUTHOR_MAX) return records;
    const jury = this.#generations.get(generation + this.#options.correctionWindow)?.jury;
    const known = new Set(records.filter((record) => hasKnown(jury, record)));
    const order = [...records].sort((a, b) => Number(known.has(b)) - Number(known.has(a)) || byId(a, b));
    return order.slice(0, RECORDS_PER_AUTHOR_MAX);
  }

  /**
   * Judges a generation again and, where the verdict changed, those that it is the jury of. `added` has come to what was
   * held of it and counted as a whole.
   */
  #judgeFrom(touched: number, added: DeltaRecord | undefined): number | undefined {
    const { correctionWindow } = this.#options;
    let changedFrom: number | undefined;
    for (let number = touched; number > this.#floor; number -= correctionWindow) {
      const generation = this.#generations.get(number);
      if (generation === undefined) break;
      const held = this.held(number);
      const jury = this.#generations.get(number + correctionWindow)?.jury;
      const counted = judge(held, { jury, authors: generation.authors.size });
      if (sameRecords(counted, generation.counted)) break;
      const isOneMore = number === touched && counted === held;
      generation.jury = followJury(generation.jury, counted, isOneMore ? added : undefined);
      generation.counted = counted;
      generation.revision += 1;
      this.#version += 1;
      changedFrom = number;
    }
    return changedFrom;
  }
}

const sameRecords = (a: readonly DeltaRecord[], b: readonly DeltaRecord[]): boolean =>
  a === b || (a.length === b.length && a.every((record, i) => record === b[i] || record.id === b[i].id));

/** A sorted list with one record more, at its place, and without some. */
function withRecord(
  all: readonly DeltaRecord[] | undefined,
  record: DeltaRecord,
  without: readonly DeltaRecord[],
): readonly DeltaRecord[] | undefined {
  if (all === undefined) return undefined;
  const held = without.length === 0 ? all : all.filter((each) => !without.includes(each));
  return held.toSpliced(
    placeOf(held.length, (i) => held[i].id < record.id),
    0,
    record,
  );
}

/** The first of so many places that does not come before; all that do come first. */
function placeOf(count: number, comesBefore: (index: number) => boolean): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (comesBefore(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
