// Pure decisions of the delta-set protocol: data in, data out. Every rule here is a function of a set of
// records alone, except those of the pace, which decide when a member goes on and never what the model is.
import type { Hash, PeerId } from '../ports.ts';
import {
  GRACE_FACTOR,
  GRACE_MIN_MS,
  KEPT_TARGETS,
  OBSERVED_WEIGHT,
  PATIENCE_DOUBLINGS_MAX,
  WIDENING_PATIENCES,
  WIDENINGS_MAX,
} from './constants.ts';
import { claimMax, followJury, type Judged, judge } from './jury.ts';

export { type Judged, voteFor } from './jury.ts';

import { Tally } from './tally.ts';

export const samplesOf = (records: readonly { readonly samples: number }[]): number =>
  records.reduce((sum, record) => sum + record.samples, 0);

/**
 * Which of a generation's records have weight.
 *
 * The records of the generation one window ahead are the jury: each says which records of this generation its
 * author knew. All records pass until the jury has more than half as many authors as this generation; from then on
 * one passes when a third of the jury's samples knew it. For that half claims weigh nothing, so that no claim can be a
 * jury or keep one from deciding, and who signed two records is one author still, so that second records cannot undo a
 * decision. For that third no juror weighs more than twice the median one. Of the records that pass, two of one author
 * are equivocation, and neither counts.
 */
export function countedRecords<R extends Judged>(
  records: readonly R[],
  jury: readonly Judged[],
): readonly R[] {
  const authors = new Set(records.map(({ author }) => author)).size;
  return judge(records, { jury: followJury(undefined, jury), authors });
}

/** What one contributor weighs at most in a quorum. */
export const weightMaxOf = (claims: readonly number[]): number => claimMax([...claims].sort((a, b) => a - b));

/** The live contributors that a generation may expect: what a quorum is measured against. */
export interface Live {
  /** Those known by name, with their samples. */
  readonly samples: ReadonlyMap<PeerId, number>;
  /** Those who are too slow to be waited for: without them a few fast ones would be a quorum of their own. */
  readonly slow?: ReadonlyMap<PeerId, number>;
  /** What one contributor weighs at most. */
  readonly weightMax?: number;
  /** How many records come in all, whoever sends them; absent: of those known by name only. */
  readonly expected?: number;
  /** Authors that a generation has room for: where they are all there, nobody else is waited for. */
  readonly room?: number;
  /** A tally of these that is at hand, where one generation is looked at again and again. */
  readonly tally?: Tally;
}

export interface QuorumRule {
  readonly quorum: number;
  readonly contributorsMin: number;
}

/** Whether these records complete a generation by weight and by number. Strangers weigh as much as the mean record. */
export function hasQuorum(records: readonly Judged[], live: Live, rule: QuorumRule): boolean {
  if (records.length < rule.contributorsMin) return false;
  if (records.length >= (live.room ?? Number.POSITIVE_INFINITY)) return true;
  const { have, absent, absentSamples } = tallyOf(records, live);
  const strangers = Math.max(0, (live.expected ?? 0) - records.length - absent);
  const expected = absentSamples + (records.length === 0 ? 0 : (strangers * have) / records.length);
  return have >= rule.quorum * (have + expected);
}

/** Without a quorum, at least so many records more must come for one; 0 where the next one may do. */
export function recordsToQuorum(records: readonly Judged[], live: Live, rule: QuorumRule): number {
  const { weightMax = Number.POSITIVE_INFINITY, expected = 0 } = live;
  const { have, absent, absentSamples } = tallyOf(records, live);
  // Each one brings this at most, be it by what it carries or by what was expected of its author in vain.
  const lacking = rule.quorum * (have + absentSamples) - have;
  // Strangers weigh as much as the mean record, so that of these and the strangers a share must have come by number.
  const byNumber = Math.floor(rule.quorum * (expected - absent)) - records.length;
  const least = Math.max(rule.contributorsMin - records.length, Math.floor(lacking / weightMax), byNumber, 0);
  return Math.min(least, roomFor(records, live));
}

/** How many records are still expected. */
export const absentCount = (records: readonly Judged[], live: Live): number =>
  Math.min(
    roomFor(records, live),
    Math.max(tallyOf(records, live).absent, (live.expected ?? 0) - records.length),
  );

const roomFor = (records: readonly Judged[], { room = Number.POSITIVE_INFINITY }: Live): number =>
  Math.max(0, room - records.length);

const tallyOf = (records: readonly Judged[], live: Live): Tally =>
  (live.tally ?? new Tally(live)).follow(records);

export const absentAuthors = (records: readonly Judged[], live: Live): readonly PeerId[] => {
  const arrived = new Set(records.map((record) => record.author));
  return [...live.samples.keys()].filter((author) => !arrived.has(author)).sort();
};

/** A rank as a number in [0, 1). */
export const fractionOf = (rank: Hash): number => Number.parseInt(rank.slice(0, 12), 16) / 2 ** 48;

/**
 * Members of a mesh, from the ranks (fractions, ascending) of some generations: the j-th lowest of N even ranks lies
 * near j / N. The middle one of each generation is taken, so that records of authors who were not drawn do not make
 * the mesh look small. `undefined` where there are no ranks at all.
 */
export function estimateMembers(generations: readonly (readonly number[])[]): number | undefined {
  let count = 0;
  let width = 0;
  for (const ranks of generations) {
    if (ranks.length === 0) continue;
    const middle = Math.ceil(ranks.length / 2);
    count += middle - 0.5;
    width += ranks[middle - 1];
  }
  return width > 0 ? count / width : undefined;
}

/** Share of the members that is drawn: 1 while nobody can tell how many there are, or where they are few. */
export const drawnShare = (target: number, members: number | undefined): number =>
  members === undefined ? 1 : Math.min(1, target / members);

/** Authors kept of one generation. */
export const keptMax = (contributorsMax: number, target: number | undefined): number =>
  target === undefined ? contributorsMax : Math.min(contributorsMax, KEPT_TARGETS * target);

/** By how much the drawn share is raised after so long without a quorum. */
export const widening = (waitedMs: number, patience: number): number =>
  2 ** Math.min(WIDENINGS_MAX, Math.floor(waitedMs / (WIDENING_PATIENCES * patience)));

/** How long it takes until the drawn share is so many times as large. */
export const wideningMs = (times: number, patience: number): number =>
  Math.ceil(Math.log2(times)) * WIDENING_PATIENCES * patience;

export interface PaceRule {
  readonly patience: number;
  readonly patienceMinMs: number;
  readonly patienceMaxMs: number;
}

/** How long a member without a quorum waits: doubled for each generation it has already gone on alone. */
export function patienceMs(observedMs: number, forcedStreak: number, rule: PaceRule): number {
  const base = Math.max(rule.patienceMinMs, rule.patience * observedMs);
  return Math.min(rule.patienceMaxMs, base * 2 ** Math.min(forcedStreak, PATIENCE_DOUBLINGS_MAX));
}

/** How long a member with a quorum waits for the rest. */
export const graceMs = (observedMs: number): number => Math.max(GRACE_MIN_MS, GRACE_FACTOR * observedMs);

export const observe = (observedMs: number | undefined, sampleMs: number): number =>
  observedMs === undefined ? sampleMs : observedMs + OBSERVED_WEIGHT * (sampleMs - observedMs);

/** What a waiting member does now. `waitedMs` counts from the start of the generation's wait. */
export type Progress = 'wait' | 'complete' | 'cut-off' | 'force';

export function progress(state: {
  readonly arrived: number;
  readonly absent: number;
  readonly quorum: boolean;
  readonly waitedMs: number;
  readonly sinceQuorumMs: number;
  readonly graceMs: number;
  readonly patienceMs: number;
}): Progress {
  if (state.quorum && state.absent === 0) return 'complete';
  if (state.quorum && state.sinceQuorumMs >= state.graceMs) return 'cut-off';
  if (!state.quorum && state.arrived > 0 && state.waitedMs >= state.patienceMs) return 'force';
  return 'wait';
}

/** Of two sealed branches the one with more samples behind it stays; ties go to the smaller digest. */
export function prefersBranch(
  ours: { readonly weight: number; readonly state: Hash },
  theirs: { readonly weight: number; readonly state: Hash },
): 'ours' | 'theirs' {
  if (ours.weight !== theirs.weight) return ours.weight > theirs.weight ? 'ours' : 'theirs';
  return ours.state <= theirs.state ? 'ours' : 'theirs';
}
