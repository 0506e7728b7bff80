// Pure decisions of the delta-set protocol: data in, data out. Every rule here is a function of a set of
// records alone, except those of the pace, which decide when a member goes on and never what the model is.
import type { Hash, PeerId } from '../ports.ts';
import {
  GRACE_FACTOR,
  GRACE_MIN_MS,
  JUDGED_MEDIANS_MAX,
  JUDGING_SHARE_MIN,
  KNOWN_SHARE_MIN,
  OBSERVED_WEIGHT,
  PATIENCE_DOUBLINGS_MAX,
  VOTE_BYTES,
} from './constants.ts';

/** What the rules need to know of a record. */
export interface Judged {
  readonly id: Hash;
  readonly author: PeerId;
  readonly samples: number;
  /** First bytes, in hex, of the ids that the author knew of the generation one window back. */
  readonly votes: ReadonlySet<string>;
}

export const voteFor = (id: Hash): string => id.slice(0, 2 * VOTE_BYTES);

export const samplesOf = (records: readonly { readonly samples: number }[]): number =>
  records.reduce((sum, record) => sum + record.samples, 0);

/** Whether a third of the jury's samples knew a record. */
export function juryKnew(record: Judged, jury: readonly Judged[]): boolean {
  const vote = voteFor(record.id);
  const known = samplesOf(jury.filter((juror) => juror.votes.has(vote)));
  return jury.length > 0 && known >= KNOWN_SHARE_MIN * samplesOf(jury);
}

/**
 * Which of a generation's records have weight.
 *
 * The records of the generation one window ahead are the jury: each says which records of this generation its
 * author knew. All records pass until the jury carries half of this generation's samples; from then on one
 * passes when a third of the jury's samples knew it. For that half no author weighs more than twice the median
 * one, so that a claim cannot keep a jury from deciding, and who signed two records weighs nothing, so that
 * second records cannot undo a decision. Of the records that pass, two of one author are equivocation, and
 * neither counts.
 */
export function countedRecords<R extends Judged>(
  records: readonly R[],
  jury: readonly Judged[],
): readonly R[] {
  const open = decides(records, jury) ? records.filter((record) => juryKnew(record, jury)) : records;
  const signed = new Map<PeerId, number>();
  for (const { author } of open) signed.set(author, (signed.get(author) ?? 0) + 1);
  return open.filter(({ author }) => signed.get(author) === 1);
}

function decides(records: readonly Judged[], jury: readonly Judged[]): boolean {
  if (records.length === 0 || jury.length === 0) return false;
  const claims = new Map<PeerId, number>();
  for (const { author, samples } of records) claims.set(author, claims.has(author) ? 0 : samples);
  const ascending = [...claims.values()].sort((a, b) => a - b);
  const weightMax = JUDGED_MEDIANS_MAX * ascending[(ascending.length - 1) >> 1];
  const weight = ascending.reduce((sum, samples) => sum + Math.min(samples, weightMax), 0);
  return samplesOf(jury) >= JUDGING_SHARE_MIN * weight;
}

/** Samples of the live contributors by author: what a quorum is measured against. */
export interface Live {
  readonly samples: ReadonlyMap<PeerId, number>;
}

export interface QuorumRule {
  readonly quorum: number;
  readonly contributorsMin: number;
}

/** Whether these records complete a generation by weight and by number. */
export function hasQuorum(records: readonly Judged[], live: Live, rule: QuorumRule): boolean {
  if (records.length < rule.contributorsMin) return false;
  let expected = 0;
  const arrived = new Set(records.map((record) => record.author));
  for (const [author, samples] of live.samples) if (!arrived.has(author)) expected += samples;
  const have = samplesOf(records);
  return have >= rule.quorum * (have + expected);
}

export const absentAuthors = (records: readonly Judged[], live: Live): readonly PeerId[] => {
  const arrived = new Set(records.map((record) => record.author));
  return [...live.samples.keys()].filter((author) => !arrived.has(author)).sort();
};

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
