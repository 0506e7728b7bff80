// The replicated set of delta records and what follows from it alone: which records are void, which count, and
// digests by which two members see whether they hold the same. It knows no time, no network and no payloads.
//
// A slot is (author, sequence). Two records in one slot prove equivocation: the slot is void, both are kept as
// the proof and neither counts anywhere, whichever was heard first. Several sequence numbers in one generation
// are allowed, but only the smallest id of an author counts in a generation.
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
  /** Known already, or one more than is kept of this slot or author: nothing changed. */
  | { readonly outcome: 'duplicate' | 'surplus' };

interface Generation {
  readonly records: Map<Hash, DeltaRecord>;
  counted: readonly DeltaRecord[];
  digest: string | undefined;
}

const slotOf = (record: DeltaRecord): string => `${record.author}/${record.sequence}`;
const byId = (a: DeltaRecord, b: DeltaRecord): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
const encoder = new TextEncoder();

export class RecordSet {
  readonly #window: number;
  readonly #hash: Signer['hash'];
  readonly #generations = new Map<number, Generation>();
  /** One or two records a slot; two make it void. */
  readonly #slots = new Map<string, DeltaRecord[]>();
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
    const slot = this.#slots.get(slotOf(record)) ?? [];
    if (slot.length >= 2) return { outcome: 'surplus' };
    const generation = this.#generation(record.generation);
    if (slot.length === 0 && !this.#makeRoom(generation, record)) return { outcome: 'surplus' };

    generation.records.set(record.id, record);
    this.#slots.set(slotOf(record), [...slot, record]);
    this.#top = Math.max(this.#top, record.generation);
    const touched = slot.length === 0 ? [record.generation] : [record.generation, slot[0].generation];
    const changedFrom = this.#judgeFrom(touched);
    if (slot.length === 0) return { outcome: 'added', changedFrom };
    return { outcome: 'equivocation', changedFrom, first: slot[0] };
  }

  /** Records of a generation with weight, ascending by id. */
  counted(generation: number): readonly DeltaRecord[] {
    return this.#generations.get(generation)?.counted ?? [];
  }

  /** Records that are nobody's second and in no void slot, ascending by id: what votes name. */
  live(generation: number): readonly DeltaRecord[] {
    const smallest = new Map<PeerId, DeltaRecord>();
    for (const record of this.#generations.get(generation)?.records.values() ?? []) {
      if (this.#isVoid(record)) continue;
      const other = smallest.get(record.author);
      if (other === undefined || record.id < other.id) smallest.set(record.author, record);
    }
    return [...smallest.values()].sort(byId);
  }

  /** All records held of a generation, with the other half of every proof that touches it. */
  idsForSync(generation: number): readonly { readonly id: Hash; readonly generation: number }[] {
    const ids = new Map<Hash, number>();
    for (const record of this.#generations.get(generation)?.records.values() ?? []) {
      for (const half of this.#slots.get(slotOf(record)) ?? []) ids.set(half.id, half.generation);
    }
    return [...ids].map(([id, of]) => ({ id, generation: of })).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** 16 hex digits that are equal where the unvoided records of a generation are; empty sets give ''. */
  digest(generation: number): string {
    const held = this.#generations.get(generation);
    if (held === undefined) return '';
    if (held.digest === undefined) {
      const ids = [...held.records.values()].filter((record) => !this.#isVoid(record)).sort(byId);
      held.digest =
        ids.length === 0
          ? ''
          : this.#hash(encoder.encode(ids.map((record) => record.id).join(''))).slice(0, 16);
    }
    return held.digest;
  }

  /** Everything held, ascending by generation and id. */
  *all(): IterableIterator<DeltaRecord> {
    for (const key of [...this.#generations.keys()].sort((a, b) => a - b)) {
      yield* [...(this.#generations.get(key)?.records.values() ?? [])].sort(byId);
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
    for (const record of forgotten) {
      // A proof whose other half is still held keeps its slot void.
      const rest = (this.#slots.get(slotOf(record)) ?? []).filter((half) => half.generation > floor);
      if (rest.length === 0) this.#slots.delete(slotOf(record));
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

  #isVoid(record: DeltaRecord): boolean {
    return (this.#slots.get(slotOf(record))?.length ?? 0) >= 2;
  }

  /** Keeps the smallest ids of an author in a generation; false when the newcomer is not among them. */
  #makeRoom(generation: Generation, record: DeltaRecord): boolean {
    const own = [...generation.records.values()]
      .filter((other) => other.author === record.author && !this.#isVoid(other))
      .sort(byId);
    if (own.length < RECORDS_PER_AUTHOR_MAX) return true;
    const greatest = own[own.length - 1];
    if (record.id > greatest.id) return false;
    generation.records.delete(greatest.id);
    this.#slots.delete(slotOf(greatest));
    return true;
  }

  /** Judges the touched generations again and, where the verdict changed, those that they are the jury of. */
  #judgeFrom(touched: readonly number[]): number | undefined {
    for (const number of touched) this.#generation(number).digest = undefined;
    const queue = new Set(touched.flatMap((number) => [number, number - this.#window]));
    let changedFrom: number | undefined;
    while (queue.size > 0) {
      const number = Math.max(...queue);
      queue.delete(number);
      const generation = this.#generations.get(number);
      if (generation === undefined) continue;
      const counted = countedRecords(this.live(number), this.counted(number + this.#window));
      if (sameRecords(counted, generation.counted)) continue;
      generation.counted = counted;
      changedFrom = number;
      queue.add(number - this.#window);
    }
    return changedFrom;
  }
}

const sameRecords = (a: readonly DeltaRecord[], b: readonly DeltaRecord[]): boolean =>
  a.length === b.length && a.every((record, i) => record.id === b[i].id);
