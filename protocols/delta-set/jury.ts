// The arithmetic of judging (rules.ts says what it means), kept so that one more record costs as little as it changes:
// a mesh of many contributors judges after each arrival. All numbers are whole, so adding and taking away is exact.
import type { Hash, PeerId } from '../ports.ts';
import { changeBetween } from './change.ts';
import { CLAIM_MEDIANS_MAX, JUDGING_SHARE_MIN, KNOWN_SHARE_MIN, VOTE_BYTES } from './constants.ts';

/** What the rules need to know of a record. */
export interface Judged {
  readonly id: Hash;
  readonly author: PeerId;
  readonly samples: number;
  /** First bytes, in hex, of the ids that the author knew of the generation one window back. */
  readonly votes: ReadonlySet<string>;
  /** What votes call this record, where somebody has kept it: `voteFor(id)`. */
  readonly vote?: string;
}

export const voteFor = (id: Hash): string => id.slice(0, 2 * VOTE_BYTES);

/** What one of these ascending claims is worth at most, so that none outweighs all others: no limit where there are none. */
export const claimMax = (ascending: readonly number[]): number =>
  ascending.length === 0
    ? Number.POSITIVE_INFINITY
    : CLAIM_MEDIANS_MAX * ascending[(ascending.length - 1) >> 1];

/** What the counted records of one generation know together of the one a window back. */
export interface Jury {
  jurors: readonly Judged[];
  /** The votes of each juror, where all have the same: then nothing needs to be weighed. */
  unanimous: string | undefined;
  readonly scales: Scales;
}

/** What each vote weighs; follows the jurors when somebody asks. */
interface Scales {
  jurors: readonly Judged[];
  /** Their samples, ascending. */
  readonly claims: number[];
  /** What one of them weighs at most. */
  weightMax: number;
  weight: number;
  /** By vote: weight of the jurors that named it. */
  readonly known: Map<string, number>;
}

/**
 * The jury after its records were others. Changes and returns the one that is given. `added` is the only record by which
 * they differ, where the caller knows that one has come and none has gone.
 */
export function followJury(jury: Jury | undefined, after: readonly Judged[], added?: Judged): Jury {
  const followed = jury ?? {
    jurors: [],
    unanimous: undefined,
    scales: {
      jurors: [],
      claims: [],
      weightMax: Number.POSITIVE_INFINITY,
      weight: 0,
      known: new Map<string, number>(),
    },
  };
  if (added === undefined || followed.jurors.length === 0) followed.unanimous = unanimityOf(after);
  else if (followed.unanimous !== votesOf(added)) followed.unanimous = undefined;
  followed.jurors = after;
  return followed;
}

function unanimityOf(jurors: readonly Judged[]): string | undefined {
  if (jurors.length === 0) return undefined;
  const votes = votesOf(jurors[0]);
  return jurors.every((juror) => votesOf(juror) === votes) ? votes : undefined;
}

/** All votes of a record as one text; the same records of one process are often looked at by many. */
const textOfVotes = new WeakMap<ReadonlySet<string>, string>();

function votesOf({ votes }: Judged): string {
  let text = textOfVotes.get(votes);
  if (text === undefined) {
    text = [...votes].join('');
    textOfVotes.set(votes, text);
  }
  return text;
}

/** What a juror who knows all of these says, if it says it in their order. */
const textOfRecords = new WeakMap<readonly Judged[], string>();

function votesFor(records: readonly Judged[]): string {
  let text = textOfRecords.get(records);
  if (text === undefined) {
    text = records.map(nameOf).join('');
    textOfRecords.set(records, text);
  }
  return text;
}

const nameOf = ({ vote, id }: Judged): string => vote ?? voteFor(id);

/** Brings the scales in step with the jurors. */
function weighed({ jurors: after, scales: followed }: Jury): Scales {
  const before = followed.jurors;
  if (before === after) return followed;
  const { first, lastBefore, lastAfter } = changeBetween(before, after);
  for (let i = first; i < lastBefore; i++) {
    followed.claims.splice(placeOf(followed.claims, before[i].samples), 1);
    weigh(followed, before[i], -Math.min(before[i].samples, followed.weightMax));
  }
  for (let i = first; i < lastAfter; i++) {
    const { samples } = after[i];
    followed.claims.splice(placeOf(followed.claims, samples), 0, samples);
    weigh(followed, after[i], Math.min(samples, followed.weightMax));
  }
  followed.jurors = after;
  limit(followed);
  return followed;
}

/** Only the heavy ones weigh something else when the middle moves. */
function limit(jury: Scales): void {
  const { claims, weightMax } = jury;
  const weightMaxNow = claimMax(claims);
  jury.weightMax = weightMaxNow;
  if (claims.length === 0 || claims[claims.length - 1] <= Math.min(weightMax, weightMaxNow)) return;
  for (const juror of jury.jurors) {
    weigh(jury, juror, Math.min(juror.samples, weightMaxNow) - Math.min(juror.samples, weightMax));
  }
}

function weigh(jury: Scales, { votes }: Judged, more: number): void {
  if (more === 0) return;
  jury.weight += more;
  for (const vote of votes) jury.known.set(vote, (jury.known.get(vote) ?? 0) + more);
}

/** Where the first of these ascending numbers that is not below `value` stands. */
function placeOf(ascending: readonly number[], value: number): number {
  let low = 0;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Whether a third of the jury knew a record. */
export function hasKnown(jury: Jury | undefined, record: Judged): boolean {
  if (jury === undefined || jury.jurors.length === 0) return false;
  if (jury.unanimous !== undefined) return jury.jurors[0].votes.has(nameOf(record));
  const { known, weight } = weighed(jury);
  return (known.get(nameOf(record)) ?? 0) >= KNOWN_SHARE_MIN * weight;
}

/** Those of the records, by so many authors, that count: see `countedRecords`. The same array where all do. */
export function judge<R extends Judged>(
  records: readonly R[],
  { jury, authors }: { readonly jury: Jury | undefined; readonly authors: number },
): readonly R[] {
  const isDecided = jury !== undefined && jury.jurors.length > JUDGING_SHARE_MIN * authors;
  const allKnown = !isDecided || jury.unanimous === votesFor(records);
  const open = allKnown ? records : records.filter((record) => hasKnown(jury, record));
  if (authors === records.length) return open.length === records.length ? records : open;
  const signed = new Map<PeerId, number>();
  for (const { author } of open) signed.set(author, (signed.get(author) ?? 0) + 1);
  return open.filter(({ author }) => signed.get(author) === 1);
}
