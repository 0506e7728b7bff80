// What becomes of a model from elsewhere in its member's first round: matched to the shared model of that moment, judged on
// the member's own samples, and taken or left. It does not know how what is taken is sent.
import type { DenseSpec } from '../../fusion/index.ts';
import { type CandidateOptions, candidatesOf, matchForeign } from './candidates.ts';
import type { ForeignDecision, ForeignModel, ForeignScore } from './foreign-model.ts';
import {
  type HoldOut,
  type HoldOutOptions,
  meanDifference,
  openHoldOut,
  type SampleScores,
} from './hold-out.ts';
import { choose, judgeCandidates } from './judge.ts';

export interface BroughtIn {
  readonly decision: ForeignDecision;
  /** What the shared model should become, as far as this member goes; absent: refused. */
  readonly weights?: Float32Array;
}

export interface BringInOptions extends HoldOutOptions {
  readonly spec: DenseSpec;
  readonly foreign: ForeignModel;
  readonly generation: number;
  /** S of the round. */
  readonly shared: Float32Array;
}

/** Throws a LearningError or FusionError for weights that `checkForeignModel` would refuse. */
export async function bringIn(options: BringInOptions): Promise<BroughtIn> {
  const { foreign, shared, spec, seed, generation } = options;
  const { how, samples } = foreign;
  const holdOut = await openHoldOut(options);
  const empty = { generation, how, samples, holdOut: 0, probes: 0, matchings: [], candidates: [] };
  if (holdOut === undefined && how === 'align') {
    const reason = 'there are too few samples here to judge it on';
    return { decision: { ...empty, outcome: 'refused', reason } };
  }
  const scores = holdOut && scoresOf(holdOut, shared, foreign.weights);
  const about = { ...empty, ...scores?.told, holdOut: holdOut?.count ?? 0, probes: holdOut?.probes ?? 0 };
  if (how === 'naive' || holdOut === undefined || scores === undefined) {
    const reason = 'the mesh takes models as they are';
    return { decision: { ...about, outcome: 'accepted', reason }, weights: foreign.weights };
  }
  if (!hasLearnt(scores.foreign, holdOut)) {
    const reason = 'it is right no more often than who always says the commonest label';
    return { decision: { ...about, outcome: 'refused', reason } };
  }
  const isTrained = hasLearnt(scores.shared, holdOut);
  const models: CandidateOptions = { spec, shared, foreign: foreign.weights, holdOut, seed, isTrained };
  const matched = matchForeign(models);
  const judged = judgeCandidates(candidatesOf(models, matched), {
    holdOut,
    shared,
    sharedScore: scores.shared,
  });
  const { chosen, reason } = choose(judged, isTrained);
  const decision = {
    ...about,
    matchings: matched.map(({ matching }) => matching),
    candidates: judged.map(({ told }) => told),
    outcome: chosen === undefined ? ('refused' as const) : ('accepted' as const),
    reason: isTrained ? reason : `the shared model has learnt nothing yet; ${reason}`,
  };
  if (chosen === undefined) return { decision };
  return { decision: { ...decision, chosen: chosen.told }, weights: chosen.candidate.weights };
}

function scoresOf(holdOut: HoldOut, shared: Float32Array, foreign: Float32Array) {
  const [ofShared, ofForeign] = [holdOut.score(shared), holdOut.score(foreign)];
  return {
    shared: ofShared,
    foreign: ofForeign,
    told: { shared: plain(ofShared), foreign: plain(ofForeign) },
  };
}

const plain = ({ loss, accuracy }: SampleScores): ForeignScore => ({ loss, accuracy });

/** It is right more often than who always says the commonest label, by more than two standard errors. */
function hasLearnt({ hits }: SampleScores, { guesses }: HoldOut): boolean {
  const { mean, stdError } = meanDifference(hits, guesses);
  return mean > 2 * stdError;
}
