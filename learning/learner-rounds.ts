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
import { LearningError } from './errors.ts';
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
}

/** Throws a LearningError when the codec is not known. */
export function createLearnerRounds(options: LearnerRoundsOptions): LearnerRounds {
  const { trainer } = options;
  const codec = codecNamed(options.codec);
  if (codec === undefined) {
    throw new LearningError('MELDMESH_LEARNING_PAYLOAD', `there is no codec named ${options.codec}`);
  }
  const layout = layoutOf(options.spec);
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
          const { payload, loss, steps, ...round } = await runRound(request, {
            codec,
            layout,
            trainer,
            state,
          });
          state = round.state;
          return {
            kind: 'trained',
            ticket: request.ticket,
            payload,
            state: encodeLearnerState(state),
            loss,
            steps,
          };
        }
      }
    },
  };
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
}

export type RoundDone = Pick<TrainedAnswer, 'payload' | 'loss' | 'steps'> & { readonly state: LearnerState };

/** One round as a function of what it is given. Rejects as the trainer does. */
export async function runRound(
  request: Pick<TrainRequest, 'model' | 'generation' | 'takeBack'>,
  member: RoundMember,
): Promise<RoundDone> {
  const { codec, layout, trainer, state, residual = new Float32Array(layout.size) } = member;
  const { model, generation } = request;
  residual.set(state.residual);
  for (const { payload, sign } of request.takeBack) {
    const fault = codec.check(payload, layout);
    if (fault !== undefined) {
      const text = `an own delta to take back is damaged: ${fault}`;
      throw new LearningError('MELDMESH_LEARNING_PAYLOAD', text);
    }
    takeBack({ residual, payload, sign, codec, layout });
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
  const { payload } = compressWithFeedback({ delta, residual, codec, layout, random });
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
