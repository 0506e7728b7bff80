// Random histories of records, sets made of them, what members must agree on, and the exchange between sets.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import { countedRecords } from '../../protocols/delta-set/rules.ts';
import { type DeltaRecord, type Hash, RecordSet } from '../../protocols/index.ts';
import { hashNamed, recordOf } from './delta-records.ts';

export const WINDOW = 2;
export const GENERATIONS = 6;
const AUTHORS = ['anna', 'bert', 'cleo', 'dora', 'emil'] as const;

export interface SetSketch {
  readonly contributorsMax?: number;
  readonly floor?: number;
}

export function filled(records: readonly DeltaRecord[], sketch: SetSketch = {}): RecordSet {
  const { contributorsMax = 100, floor = 0 } = sketch;
  const set = new RecordSet({ correctionWindow: WINDOW, contributorsMax, hash: hashOf });
  set.seal(floor);
  for (const record of records) set.add(record);
  return set;
}

export const ids = (records: readonly { readonly id: Hash }[]): readonly Hash[] =>
  records.map(({ id }) => id);

export const smallestFirst = (records: readonly DeltaRecord[]): readonly DeltaRecord[] =>
  [...records].sort((a, b) => (a.id < b.id ? -1 : 1));

export interface View {
  readonly counted: readonly Hash[];
  readonly held: readonly Hash[];
  readonly digest: string;
}

/** Everything that members must agree on, from generation 0 on. */
export const viewOf = (set: RecordSet): readonly View[] =>
  Array.from({ length: GENERATIONS + 1 }, (_, generation) => ({
    counted: ids(set.counted(generation)),
    held: ids(set.held(generation)),
    digest: set.digest(generation),
  }));

/** Authors in the order in which a generation takes them. */
export const byRank = (generation: number, authors: Iterable<string>): readonly string[] => {
  const rank = (author: string): string => hashNamed(`${generation} ${author}`);
  return [...new Set(authors)].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
};

/** The view of a set that heard all of these, from the definition: no state, highest generation first. Right where
 * no author has signed more than two records of one generation: which of more are kept depends on the jury. */
export function obviousView(records: readonly DeltaRecord[], sketch: SetSketch = {}): readonly View[] {
  const { contributorsMax = 100, floor = 0 } = sketch;
  const counted = new Map<number, readonly DeltaRecord[]>();
  const view: View[] = [];
  for (let generation = GENERATIONS; generation >= 0; generation--) {
    const all = generation > floor ? records.filter((record) => record.generation === generation) : [];
    const authors = byRank(
      generation,
      all.map(({ author }) => author),
    ).slice(0, contributorsMax);
    const distinct = new Map(all.map((record) => [record.id, record]));
    const held = smallestFirst([...distinct.values()].filter(({ author }) => authors.includes(author)));
    const counts = countedRecords(held, counted.get(generation + WINDOW) ?? []);
    counted.set(generation, counts);
    const digest = held.length === 0 ? '' : hashNamed(ids(held).join('')).slice(0, 16);
    view.unshift({ counted: ids(counts), held: ids(held), digest });
  }
  return view;
}

/** What a set counts is what the rules make of that which it holds. */
export function assertConsistent(set: RecordSet): void {
  for (let generation = GENERATIONS; generation > set.floor; generation--) {
    const counted = countedRecords(set.held(generation), set.counted(generation + WINDOW));
    assert.deepEqual(ids(set.counted(generation)), ids(counted));
  }
}

const sketches = fc.array(
  fc.record({
    author: fc.constantFrom(...AUTHORS),
    generation: fc.integer({ min: 1, max: GENERATIONS }),
    variant: fc.nat(3),
    samples: fc.constantFrom(1, 10, 100, 5_000),
    knows: fc.array(fc.nat(), { maxLength: 6 }),
  }),
  { minLength: 4, maxLength: 50, size: 'max' },
);

/** Authors who sign one record a generation or several, and jurors who knew this and that. */
export const histories = (perAuthorMax: number): fc.Arbitrary<readonly DeltaRecord[]> =>
  sketches.map((sketched) => {
    const records: DeltaRecord[] = [];
    for (const { knows, ...sketch } of [...sketched].sort((a, b) => a.generation - b.generation)) {
      const { author, generation } = sketch;
      const before = records.filter((record) => record.generation === generation - WINDOW);
      const known = before.length === 0 ? [] : knows.map((choice) => before[choice % before.length]);
      const own = records.filter((record) => record.author === author && record.generation === generation);
      const made = recordOf({ ...sketch, knows: known });
      if (own.length < perAuthorMax && !own.some(({ id }) => id === made.id)) records.push(made);
    }
    return records;
  });

/** What `source` holds of the generations where the two differ: an answer to a hello, and what a want brings. */
function offers(source: RecordSet, target: RecordSet): readonly DeltaRecord[] {
  return Array.from({ length: GENERATIONS }, (_, i) => i + 1)
    .filter((generation) => generation > source.floor && generation > target.floor)
    .filter((generation) => source.digest(generation) !== target.digest(generation))
    .flatMap((generation) => source.held(generation));
}

/** One exchange in both directions. Whether anything was taken. */
export function exchange(left: RecordSet, right: RecordSet): boolean {
  const offered = [offers(right, left), offers(left, right)];
  const sets = [left, right];
  const outcomes = offered.flatMap((records, i) => records.map((record) => sets[i].add(record).outcome));
  return outcomes.some((outcome) => outcome === 'added' || outcome === 'equivocation');
}

/** Neighbours in a ring exchange until nobody misses anything. The rounds that this took, the quiet one too. */
export function settle(sets: readonly RecordSet[]): number {
  const pairs = sets.map((set, i) => [set, sets[(i + 1) % sets.length]] as const).filter(([a, b]) => a !== b);
  for (let rounds = 1; rounds <= 4 * GENERATIONS; rounds++) {
    const taken = pairs.map(([left, right]) => exchange(left, right));
    if (!taken.includes(true)) return rounds;
  }
  return assert.fail('the exchange comes to an end');
}
