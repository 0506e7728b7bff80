// The arithmetic of judging (rules.ts says what it means), kept so that one more record costs as little as it changes:
// a mesh of many contributors judges after each arrival. All numbers are whole, so adding and taking away is exact.
import type { Hash, PeerId } from '../ports.ts';
import { JUDGED_MEDIANS_MAX, JUDGING_SHARE_MIN, KNOWN_SHARE_MIN, VOTE_BYTES } from './constants.ts';

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

/** What the counted records of one generation know together of the one a window back. */
export interface Jury {
  samples: number;
  size: number;
  /** By vote: samples of the jurors that named it. */
  readonly known: Map<string, number>;
}

/** The jury after its records were `before` and are `after`. Changes and returns the one that is given. */
export function followJury(
  jury: Jury | undefined,
  before: readonly Judged[],
  after: readonly Judged[],
): Jury {
  const followed = jury ?? { samples: 0, size: 0, known: new Map<string, number>() };
  let first = 0;
  while (first < before.length && first < after.length && before[first] === after[first]) first += 1;
  let [last, lastAfter] = [before.length, after.length];
  while (last > first && lastAfter > first && before[last - 1] === after[lastAfter - 1]) {
    last -= 1;
    lastAfter -= 1;
  }
  for (let i = first; i < last; i++) weigh(followed, before[i], -1);
  for (let i = first; i < lastAfter; i++) weigh(followed, after[i], 1);
  return followed;
}

function weigh(jury: Jury, { samples, votes }: Judged, sign: 1 | -1): void {
  jury.samples += sign * samples;
  jury.size += sign;
  for (const vote of votes) jury.known.set(vote, (jury.known.get(vote) ?? 0) + sign * samples);
}

/** Whether a third of the jury's samples knew a record. */
export const hasKnown = (jury: Jury | undefined, { vote, id }: Judged): boolean =>
  jury !== undefined &&
  jury.size > 0 &&
  (jury.known.get(vote ?? voteFor(id)) ?? 0) >= KNOWN_SHARE_MIN * jury.samples;

/** Half of it in the jury decides: see `countedRecords`. */
export function weightOf(records: readonly Judged[]): number {
  const claims = new Map<PeerId, number>();
  for (const { author, samples } of records) claims.set(author, claims.has(author) ? 0 : samples);
  const ascending = [...claims.values()].sort((a, b) => a - b);
  const weightMax = JUDGED_MEDIANS_MAX * ascending[(ascending.length - 1) >> 1];
  return ascending.reduce((sum, samples) => sum + Math.min(samples, weightMax), 0);
}

/** Those of the records that count: see `countedRecords`. The same array where all do. */
export function judge<R extends Judged>(
  records: readonly R[],
  known: {
    readonly jury: Jury | undefined;
    readonly weight: () => number;
    /** No author has two of them. */
    readonly single: boolean;
  },
): readonly R[] {
  const { jury, weight, single } = known;
  const isDecided =
    records.length > 0 && jury !== undefined && jury.size > 0 && jury.samples >= JUDGING_SHARE_MIN * weight();
  const open = isDecided ? records.filter((record) => hasKnown(jury, record)) : records;
  if (single) return open.length === records.length ? records : open;
  const signed = new Map<PeerId, number>();
  for (const { author } of open) signed.set(author, (signed.get(author) ?? 0) + 1);
  return open.filter(({ author }) => signed.get(author) === 1);
}
