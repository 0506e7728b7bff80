// The replicated set of delta records and what follows from it alone: which records count, and digests by which
// two members see whether they hold the same. It knows no time, no network and no payloads.
//
// What is kept does not depend on the order in which records came, and nobody can fill it: of one generation the
// authors of lowest rank, of one author two records. An honest author signs one; the second is kept as the proof
// that its author signs two, and makes both void. When the jury has decided, only what it knew is looked at, so
// that a second record made up later voids nothing. Nothing here looks below a record's own generation: members
// whose histories begin at different generations agree on what both have.
import type { Hash, PeerId, Signer } from '../ports.ts';
import { RECORDS_PER_AUTHOR_MAX } from './constants.ts';
import type { DeltaRecord } from './messages.ts';
import { countedRecords, juryKnew } from './rules.ts';

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
  counted: readonly DeltaRecord[];
  digest: string | undefined;
}

export interface RecordSetOptions {
  readonly correctionWindow: number;
  readonly contributorsMax: number;
  readonly hash: Signer['hash'];
}

const byId = (a: DeltaRecord, b: DeltaRecord): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const encoder = new TextEncoder();

export class RecordSet {
  readonly #options: RecordSetOptions;
  readonly #generations = new Map<number, Generation>();
  #top = 0;
  #floor = 0;

  constructor(options: RecordSetOptions) {
    this.#options = options;
  }

  /** Highest generation with a record in it. */
  get top(): number {
    return this.#top;
  }

  /** Generations up to this one are sealed: nothing is added to them any more. */
  get floor(): number {
    return this.#floor;
  }

  has(id: Hash, generation: number): boolean {
    return this.get(id, generation) !== undefined;
  }

  get(id: Hash, generation: number): DeltaRecord | undefined {
    for (const own of this.#generations.get(generation)?.authors.values() ?? []) {
      for (const record of own) if (record.id === id) return record;
    }
    return undefined;
  }

  /** Records kept of a generation, ascending by id: what votes name and what neighbours compare. */
  held(generation: number): readonly DeltaRecord[] {
    return [...(this.#generations.get(generation)?.authors.values() ?? [])].flat().sort(byId);
  }

  /** Records of a generation with weight, ascending by id: at most one of each author. */
  counted(generation: number): readonly DeltaRecord[] {
    return this.#generations.get(generation)?.counted ?? [];
  }

  /** Whether `add` would keep this record. */
  wouldKeep(record: DeltaRecord): boolean {
    if (record.generation <= this.#floor) return false;
    const authors = this.#generations.get(record.generation)?.authors;
    const own = authors?.get(record.author);
    if (authors !== undefined && own === undefined && authors.size >= this.#options.contributorsMax) {
      return this.#rank(record) < this.#lastByRank(record.generation, authors).rank;
    }
    return this.#best(record.generation, [...(own ?? []), record]).includes(record);
  }

  /** Adds one record, or says why it is not kept. */
  add(record: DeltaRecord): Added {
    if (this.has(record.id, record.generation)) return { outcome: 'duplicate' };
    if (!this.wouldKeep(record)) return { outcome: 'surplus' };
    const generation = this.#open(record.generation);
    const before = generation.authors.get(record.author) ?? [];
    const evicted: DeltaRecord[] = [];
    if (before.length === 0 && generation.authors.size >= this.#options.contributorsMax) {
      const { author } = this.#lastByRank(record.generation, generation.authors);
      evicted.push(...(generation.authors.get(author) ?? []));
      generation.authors.delete(author);
    }
    const kept = this.#best(record.generation, [...before, record]);
    evicted.push(...before.filter((other) => !kept.includes(other)));
    generation.authors.set(record.author, [...kept].sort(byId));
    generation.digest = undefined;
    this.#top = Math.max(this.#top, record.generation);
    const changedFrom = this.#judgeFrom(record.generation);
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
    this.#top = Math.max(this.#top, this.#floor);
    return forgotten;
  }

  #open(number: number): Generation {
    let generation = this.#generations.get(number);
    if (generation === undefined) {
      generation = { authors: new Map(), counted: [], digest: undefined };
      this.#generations.set(number, generation);
    }
    return generation;
  }

  /** Who contributes when there are too many: by a hash, so that it changes from generation to generation. */
  #rank({ generation, author }: Pick<DeltaRecord, 'generation' | 'author'>): Hash {
    return this.#options.hash(encoder.encode(`${generation} ${author}`));
  }

  #lastByRank(
    generation: number,
    authors: Generation['authors'],
  ): { readonly author: PeerId; readonly rank: Hash } {
    const ranked = [...authors.keys()].map((author) => ({
      author,
      rank: this.#rank({ generation, author }),
    }));
    return ranked.reduce((last, next) => (next.rank > last.rank ? next : last));
  }

  /** The records of one author that are kept: those that the jury knew before others, then the smallest ids. */
  #best(generation: number, records: readonly DeltaRecord[]): readonly DeltaRecord[] {
    if (records.length <= RECORDS_PER_AUTHOR_MAX) return records;
    const jury = this.counted(generation + this.#options.correctionWindow);
    const known = new Set(records.filter((record) => juryKnew(record, jury)));
    const order = [...records].sort((a, b) => Number(known.has(b)) - Number(known.has(a)) || byId(a, b));
    return order.slice(0, RECORDS_PER_AUTHOR_MAX);
  }

  /** Judges a generation again and, where the verdict changed, those that it is the jury of. */
  #judgeFrom(touched: number): number | undefined {
    const { correctionWindow } = this.#options;
    let changedFrom: number | undefined;
    for (let number = touched; number > this.#floor; number -= correctionWindow) {
      const generation = this.#generations.get(number);
      if (generation === undefined) break;
      const counted = countedRecords(this.held(number), this.counted(number + correctionWindow));
      if (sameRecords(counted, generation.counted)) break;
      generation.counted = counted;
      changedFrom = number;
    }
    return changedFrom;
  }
}

const sameRecords = (a: readonly DeltaRecord[], b: readonly DeltaRecord[]): boolean =>
  a.length === b.length && a.every((record, i) => record.id === b[i].id);
