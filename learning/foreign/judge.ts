// Which candidate comes into the mesh, if any. A gate first: the way from the shared model to it must be passable, since the
// mesh's mean lands somewhere between, and its loss must be lower by more than one standard error. Of what passes and is as
// good as the best by the same measure, the one that has most of the foreign model (the one-standard-error rule, Breiman et
// al., 1984): in the mean with the others' deltas only a share of it arrives.
import { lossBarrier } from '../../fusion/index.ts';
import type { Candidate } from './candidates.ts';
import { BARRIER_MAX, BARRIER_POINTS } from './constants.ts';
import type { ForeignCandidate } from './foreign-model.ts';
import { type HoldOut, meanDifference, type SampleLosses } from './hold-out.ts';

export interface Judged {
  readonly candidate: Candidate;
  readonly score: SampleLosses;
  readonly told: ForeignCandidate;
}

export interface Verdict {
  readonly chosen: Judged | undefined;
  readonly reason: string;
}

export function judgeCandidates(
  candidates: readonly Candidate[],
  by: { readonly holdOut: HoldOut; readonly shared: Float32Array; readonly sharedScore: SampleLosses },
): readonly Judged[] {
  const { holdOut, shared, sharedScore } = by;
  return candidates.map((candidate) => {
    const { method, share, repaired, weights } = candidate;
    const score = holdOut.score(weights);
    const gain = meanDifference(sharedScore, score);
    const { barrier } = lossBarrier({
      from: shared,
      to: weights,
      points: BARRIER_POINTS,
      evaluate: (each) => ({ loss: holdOut.score(each).loss }),
    });
    const { loss, accuracy } = score;
    const told = {
      method,
      share,
      repaired,
      loss,
      accuracy,
      barrier,
      gain: gain.mean,
      gainStdError: gain.stdError,
    };
    return { candidate, score, told };
  });
}

/** `isTrained`: the shared model has something to lose on the way; else no barrier bars it. */
export function choose(judged: readonly Judged[], isTrained: boolean): Verdict {
  const better = judged.filter(({ told }) => told.gain > told.gainStdError);
  const passing = better.filter(({ told }) => !isTrained || told.barrier <= BARRIER_MAX);
  const least = (all: readonly Judged[]): Judged => all.reduce((a, b) => (b.told.loss < a.told.loss ? b : a));
  if (better.length === 0) return { chosen: undefined, reason: noGain(least(judged).told) };
  if (passing.length === 0) return { chosen: undefined, reason: tooHigh(least(better).told) };
  const best = least(passing);
  const asGood = passing.filter(({ score }) => {
    const { mean, stdError } = meanDifference(score, best.score);
    return mean <= stdError;
  });
  const most = Math.max(...asGood.map(({ told }) => told.share));
  const chosen = least(asGood.filter(({ told }) => told.share === most));
  const { loss, share, repaired, method, barrier, gain } = chosen.told;
  const what = `${share * 100} % of it${repaired ? ', repaired,' : ''} in the order by ${method}`;
  return {
    chosen,
    reason: `${what}: loss ${loss.toFixed(3)} is ${gain.toFixed(3)} lower, barrier ${barrier.toFixed(3)}`,
  };
}

function noGain({ loss, gain, gainStdError }: ForeignCandidate): string {
  const apart = `${Math.abs(gain).toFixed(3)} ${gain < 0 ? 'higher' : 'lower'}, standard error ${gainStdError.toFixed(3)}`;
  return `no candidate is clearly better than the shared model: the best has loss ${loss.toFixed(3)} (${apart})`;
}

function tooHigh({ barrier, share }: ForeignCandidate): string {
  return `the way to it is barred: ${share * 100} % of it has a barrier of ${barrier.toFixed(3)}, more than ${BARRIER_MAX}`;
}
