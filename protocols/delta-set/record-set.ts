// The replicated set of delta records and what follows from it alone: which records are void, which count, and
// digests by which two members see whether they hold the same. It knows no time, no network and no payloads.
//
// Of one author and one generation the records with the smallest ids are kept, two at most; so what is kept does
// not depend on the order in which records came, and nobody can fill the set. Two kept records with one sequence
// number prove equivocation: they stay as the proof, and neither counts. Of two with different numbers only the
// smaller id counts. Nothing here looks below a record's own generation: members whose history begins at
// different generations must still agree on those that both have.
import type { Hash, PeerId, Signer } from '../ports.ts';
import { RECORDS_PER_AUTHOR_MAX } from './constants.ts';
import type { DeltaRecord } from './messages.ts';
import { countedRecords } from './rules.ts';

export type Added =
  | { readonly outcome: 'added'; readonly changedFrom: number | undefined }
  | {
      readonly outcome: 'equivocation';
      readonly changedFrom: number | undefined;
      readonly first: DeltaRecord;
    }
  /** Known already or sealed, or an id greater than all that are kept of its author: nothing changed. */
  | { readonly outcome: 'duplicate' | 'surplus' };

interface Generation {
  readonly records: Map<Hash, DeltaRecord>;
  counted: readonly DeltaRecord[];
  digest: string | undefined;
}

const byId = (a: DeltaRecord, b: DeltaRecord): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const encoder = new TextEncoder();

export class RecordSet {
  readonly #window: number;
  readonly #hash: Signer['hash'];
  readonly #generations = new Map<number, Generation>();
  #top = 0;
  #floor = 0;

  constructor(options: { readonly correctionWindow: number; readonly hash: Signer['hash'] }) {
    this.#window = options.correctionWindow;
    this.#hash = options.hash;
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
    return this.#generations.get(generation)?.records.has(id) ?? false;
  }

  get(id: Hash, generation: number): DeltaRecord | undefined {
    return this.#generations.get(generation)?.records.get(id);
  }

  /** Adds one record. `changedFrom` is the lowest generation whose counted records are now others. */
  add(record: DeltaRecord): Added {
    if (record.generation <= this.#floor || this.has(record.id, record.generation)) {
      return { outcome: 'duplicate' };
    }
    const generation = this.#generation(record.generation);
    const own = recordsOf(generation, record.author);
    if (own.length >= RECORDS_PER_AUTHOR_MAX) {
      const greatest = own[own.length - 1];
      if (record.id > greatest.id) return { outcome: 'surplus' };
      generation.records.delete(greatest.id);
    }
    generation.records.set(record.id, record);
    generation.digest = undefined;
    this.#top = Math.max(this.#top, record.generation);
    const changedFrom = this.#judgeFrom(record.generation);
    const first = own.find((other) => other.sequence === record.sequence);
    if (first === undefined) return { outcome: 'added', changedFrom };
    return { outcome: 'equivocation', changedFrom, first };
  }

  /** Records of a generation with weight, ascending by id. */
  counted(generation: number): readonly DeltaRecord[] {
    return this.#generations.get(generation)?.counted ?? [];
  }

  /** One record of each author who is not an equivocator here, ascending by id: what votes name. */
  live(generation: number): readonly DeltaRecord[] {
    const byAuthor = new Map<PeerId, DeltaRecord[]>();
    for (const record of this.#generations.get(generation)?.records.values() ?? []) {
      const own = byAuthor.get(record.author);
      if (own === undefined) byAuthor.set(record.author, [record]);
      else own.push(record);
    }
    return [...byAuthor.values()]
      .filter((own) => new Set(own.map((record) => record.sequence)).size === own.length)
      .map((own) => own.sort(byId)[0])
      .sort(byId);
  }

  /** All records held of a generation, ascending by id. */
  idsForSync(generation: number): readonly { readonly id: Hash; readonly generation: number }[] {
    return this.#held(generation).map(({ id }) => ({ id, generation }));
  }

  /** 16 hex digits that are equal where the records held of a generation are; empty sets give ''. */
  digest(generation: number): string {
    const held = this.#generations.get(generation);
    if (held === undefined || held.records.size === 0) return '';
    if (held.digest === undefined) {
      const ids = this.#held(generation).map((record) => record.id);
      held.digest = this.#hash(encoder.encode(ids.join(''))).slice(0, 16);
    }
    return held.digest;
  }

  /** Everything held, ascending by generation and id. */
  *all(): IterableIterator<DeltaRecord> {
    for (const key of [...this.#generations.keys()].sort((a, b) => a - b)) {
      yield* this.#held(key);
    }
  }

  /** Seals everything up to a generation and forgets its records. Returns what was forgotten. */
  seal(floor: number): readonly DeltaRecord[] {
    const forgotten: DeltaRecord[] = [];
    for (const [key, generation] of this.#generations) {
      if (key > floor) continue;
      forgotten.push(...generation.records.values());
      this.#generations.delete(key);
    }
    this.#floor = Math.max(this.#floor, floor);
    this.#top = Math.max(this.#top, this.#floor);
    return forgotten;
  }

  #generation(number: number): Generation {
    let generation = this.#generations.get(number);
    if (generation === undefined) {
      generation = { records: new Map(), counted: [], digest: undefined };
      this.#generations.set(number, generation);
    }
    return generation;
  }

  #held(generation: number): readonly DeltaRecord[] {
    return [...(this.#generations.get(generation)?.records.values() ?? [])].sort(byId);
  }

  /** Judges a generation again and, where the verdict changed, those that it is the jury of. */
  #judgeFrom(touched: number): number | undefined {
    let changedFrom: number | undefined;
    for (let number = touched; number > this.#floor; number -= this.#window) {
      const generation = this.#generations.get(number);
      if (generation === undefined) break;
      const counted = countedRecords(this.live(number), this.counted(number + this.#window));
      if (sameRecords(counted, generation.counted)) break;
      generation.counted = counted;
      changedFrom = number;
    }
    return changedFrom;
  }
}

const recordsOf = (generation: Generation, author: PeerId): readonly DeltaRecord[] =>
  [...generation.records.values()].filter((record) => record.author === author).sort(byId);

const sameRecords = (a: readonly DeltaRecord[], b: readonly DeltaRecord[]): boolean =>
  a.length === b.length && a.every((record, i) => record.id === b[i].id);
