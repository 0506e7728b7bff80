// One member's rounds: have the shared model trained, add what is owed, compress. All state that survives a round
// is here, and it changes only when the round has succeeded. It knows neither threads nor peers, nor who trains.
import {
  type Codec,
  codecNamed,
  compressWithFeedback,
  createRandom,
  type DenseSpec,
  layoutOf,
  type ModelLayout,
  type Random,
  restoreRandom,
  takeBack,
} from '../fusion/index.ts';
import type { Dataset } from './dataset.ts';
import { LearningError } from './errors.ts';
import type { BroughtIn } from './foreign/bring-in.ts';
import { checkForeignModel, type ForeignModel } from './foreign/foreign-model.ts';
import { decodeLearnerState, encodeLearnerState, type LearnerState } from './learner-state.ts';
import { openTrainer } from './open-trainer.ts';
import type { Score, TrainedRound } from './trainer.ts';
import type {
  LearnerAnswer,
  LearnerInit,
  LearnerRequest,
  TrainedAnswer,
  TrainRequest,
} from './worker-messages.ts';

/** What one round of training starts from. */
export interface RoundStart {
  /** Flat weights of the shared model; not changed. */
  readonly weights: Float32Array;
  /** Flat velocity of the last round, zeros at first; not changed. */
  readonly velocity: Float32Array;
  readonly generation: number;
  /** Decides the order of the samples; a function of member and generation. */
  readonly random: Random;
}

/** Who does the arithmetic on this member's samples: this library on this thread, or a process of the user's. */
export interface RoundTrainer {
  /** Gives fresh vectors, finite throughout. Throws, or rejects with, an error that says why in a sentence. */
  train(round: RoundStart): TrainedRound | Promise<TrainedRound>;
  evaluate(weights: Float32Array): Score | Promise<Score>;
}

export interface LearnerRounds {
  /** The answer to one request, to be awaited before the next; `restore` has none. Rejects as the trainer does. */
  answer(request: LearnerRequest): Promise<LearnerAnswer | undefined>;
}

export interface LearnerRoundsOptions {
  readonly spec: DenseSpec;
  readonly codec: string;
  readonly seed: string;
  readonly trainer: RoundTrainer;
  /** A model from elsewhere, for a member without a past; judged on these samples. */
  readonly foreign?: ForeignModel;
  readonly scale: number;
  readonly data: Dataset | undefined;
  readonly test: Dataset | undefined;
}

/** Throws a LearningError when a codec is not known, or a model from elsewhere is none of this shape. */
export function createLearnerRounds(options: LearnerRoundsOptions): LearnerRounds {
  const { trainer } = options;
  const codec = codecOf(options.codec);
  const layout = layoutOf(options.spec);
  const { foreign } = options;
  if (foreign !== undefined) checkForeignModel(foreign, layout);
  let state = newLearnerState(options.seed, layout.size);
  return {
    async answer(request) {
      switch (request.kind) {
        case 'restore':
          state = decodeLearnerState(request.state, layout.size);
          return undefined;
        case 'evaluate': {
          const { accuracy, loss } = await trainer.evaluate(request.model);
          return { kind: 'evaluated', ticket: request.ticket, accuracy, loss };
        }
        case 'train': {
          const member = { codec, layout, trainer, state };
          const isFirst = foreign !== undefined && state.rounds === 0;
          const { state: next, ...told } = isFirst
            ? await runFirstRound(request, { ...member, ...options, codec, foreign })
            : await runRound(request, member);
          state = next;
          return { kind: 'trained', ticket: request.ticket, state: encodeLearnerState(state), ...told };
        }
      }
    },
  };
}

function codecOf(name: string): Codec {
  const codec = codecNamed(name);
  if (codec !== undefined) return codec;
  throw new LearningError('MELDMESH_LEARNING_PAYLOAD', `there is no codec named ${name}`);
}

/** Before the first round. */
export function newLearnerState(seed: string, parameters: number): LearnerState {
  return {
    random: createRandom(seed).state(),
    rounds: 0,
    steps: 0,
    residual: new Float32Array(parameters),
    velocity: new Float32Array(parameters),
  };
}

/** This library on this thread, with the member's own data. Throws a LearningError when no backend starts. */
export async function openBuiltInTrainer(
  init: LearnerInit,
): Promise<RoundTrainer & { readonly backend: string; readonly notes: readonly string[] }> {
  const { data, test, settings } = init;
  const trainer = await openTrainer(init);
  return {
    backend: trainer.backend,
    notes: trainer.notes,
    train({ weights, velocity, random }) {
      if (data === undefined)
        throw new LearningError('MELDMESH_LEARNING_WORKER', 'there is no training data');
      return trainer.train({ weights, velocity, data, settings, random });
    },
    evaluate(weights) {
      if (test === undefined) throw new LearningError('MELDMESH_LEARNING_WORKER', 'there is no test data');
      return trainer.evaluate(weights, test);
    },
  };
}

/** The streams of a generation depend on seed and generation alone: a round run again gives the same bytes. */
function randomOf(state: LearnerState, generation: number, use: 'order' | 'codec'): Random {
  return restoreRandom(state.random).fork(`generation-${generation}`).fork(use);
}

export interface RoundMember {
  readonly codec: Codec;
  readonly layout: ModelLayout;
  readonly trainer: Pick<RoundTrainer, 'train'>;
  /** What the last round left; not changed. */
  readonly state: LearnerState;
  /** Where the new residual goes. Default: memory of its own. */
  readonly residual?: Float32Array;
  /** Of what is sent, where it is not the mesh's. */
  readonly sentBy?: Codec;
}

export type RoundDone = Omit<TrainedAnswer, 'kind' | 'ticket' | 'state'> & { readonly state: LearnerState };

/** One round as a function of what it is given. Rejects as the trainer does. */
export async function runRound(
  request: Pick<TrainRequest, 'model' | 'generation' | 'takeBack'>,
  member: RoundMember,
): Promise<RoundDone> {
  const { codec, layout, trainer, state, residual = new Float32Array(layout.size) } = member;
  const { sentBy = codec } = member;
  const { model, generation } = request;
  residual.set(state.residual);
  for (const { payload, sign, codec: name } of request.takeBack) {
    const own = name === undefined ? codec : codecNamed(name);
    const fault = own === undefined ? `no codec is named ${name}` : own.check(payload, layout);
    if (own === undefined || fault !== undefined) {
      const text = `an own delta to take back is damaged: ${fault}`;
      throw new LearningError('MELDMESH_LEARNING_PAYLOAD', text);
    }
    takeBack({ residual, payload, sign, codec: own, layout });
  }
  const trained = await trainer.train({
    weights: model,
    velocity: state.velocity,
    generation,
    random: randomOf(state, generation, 'order'),
  });
  const delta = trained.weights;
  for (let i = 0; i < delta.length; i++) delta[i] -= model[i];
  const random = randomOf(state, generation, 'codec');
  const { payload } = compressWithFeedback({ delta, residual, codec: sentBy, layout, random });
  const next: LearnerState = {
    random: state.random,
    rounds: state.rounds + 1,
    steps: state.steps + trained.steps,
    residual,
    velocity: trained.velocity,
  };
  const { loss, steps } = trained;
  return { state: next, payload, loss, steps };
}

/**
 * The first round of a member that brings a model from elsewhere. What is taken of it stands in for what would have been
 * trained; where it is refused, the round is one like others.
 */
async function runFirstRound(
  request: TrainRequest,
  member: RoundMember & Omit<LearnerRoundsOptions, 'codec' | 'trainer'> & { readonly foreign: ForeignModel },
): Promise<RoundDone> {
  const { foreign, state } = member;
  const { bringIn } = await import('./foreign/bring-in.ts');
  const { weights, decision }: BroughtIn = await bringIn({
    ...member,
    generation: request.generation,
    shared: request.model,
  });
  if (weights === undefined) return { ...(await runRound(request, member)), foreign: decision };
  const loss = (decision.chosen ?? decision.foreign)?.loss ?? 0;
  const taken = { weights: weights.slice(), velocity: state.velocity, loss, steps: 0 };
  const sentBy = codecOf(foreign.codec);
  const done = await runRound(request, { ...member, sentBy, trainer: { train: () => taken } });
  return { ...done, codec: sentBy.name, samples: foreign.samples, foreign: decision };
}
