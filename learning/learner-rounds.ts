// One member's rounds: train from the shared model, add what is owed, compress. All state that survives a round
// is here, and it changes only when the round has succeeded. It knows neither threads nor peers.
import {
  type Codec,
  codecNamed,
  compressWithFeedback,
  createRandom,
  type Random,
  restoreRandom,
  takeBack,
} from '../fusion/index.ts';
import { LearningError } from './errors.ts';
import { decodeLearnerState, encodeLearnerState, type LearnerState } from './learner-state.ts';
import { createTrainer, type Trainer } from './trainer.ts';
import type {
  LearnerAnswer,
  LearnerInit,
  LearnerRequest,
  TrainedAnswer,
  TrainRequest,
} from './worker-messages.ts';

export interface LearnerRounds {
  readonly trainer: Trainer;
  /** The answer to one request; `restore` has none. Throws a LearningError. */
  answer(request: LearnerRequest): LearnerAnswer | undefined;
}

/** Starts the backend. Throws a LearningError when it does not start or the codec is not known. */
export async function createLearnerRounds(init: LearnerInit): Promise<LearnerRounds> {
  const codec = codecNamed(init.codec);
  if (codec === undefined) {
    throw new LearningError('MELDMESH_LEARNING_PAYLOAD', `there is no codec named ${init.codec}`);
  }
  const trainer = await createTrainer(init);
  const parameters = trainer.layout.size;
  let state: LearnerState = {
    random: createRandom(init.seed).state(),
    rounds: 0,
    steps: 0,
    residual: new Float32Array(parameters),
    velocity: new Float32Array(parameters),
  };
  return {
    trainer,
    answer(request) {
      switch (request.kind) {
        case 'restore':
          state = decodeLearnerState(request.state, parameters);
          return undefined;
        case 'evaluate': {
          if (init.test === undefined)
            throw new LearningError('MELDMESH_LEARNING_WORKER', 'there is no test data');
          return { kind: 'evaluated', ticket: request.ticket, ...trainer.evaluate(request.model, init.test) };
        }
        case 'train': {
          const round = runRound(request, { init, codec, trainer, state });
          state = round.state;
          return round.answer;
        }
      }
    },
  };
}

/** The streams of a generation depend on seed and generation alone: a round run again gives the same bytes. */
function randomOf(state: LearnerState, generation: number, use: 'order' | 'codec'): Random {
  return restoreRandom(state.random).fork(`generation-${generation}`).fork(use);
}

function runRound(
  request: TrainRequest,
  member: {
    readonly init: LearnerInit;
    readonly codec: Codec;
    readonly trainer: Trainer;
    readonly state: LearnerState;
  },
): { readonly state: LearnerState; readonly answer: TrainedAnswer } {
  const { init, codec, trainer, state } = member;
  const { ticket, model, generation } = request;
  const { layout } = trainer;
  if (init.data === undefined)
    throw new LearningError('MELDMESH_LEARNING_WORKER', 'there is no training data');
  const residual = Float32Array.from(state.residual);
  for (const { payload, sign } of request.takeBack) {
    const fault = codec.check(payload, layout);
    if (fault !== undefined) {
      const text = `an own delta to take back is damaged: ${fault}`;
      throw new LearningError('MELDMESH_LEARNING_PAYLOAD', text);
    }
    takeBack({ residual, payload, sign, codec, layout });
  }
  const trained = trainer.train({
    weights: model,
    velocity: state.velocity,
    data: init.data,
    settings: init.settings,
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
  return {
    state: next,
    answer: { kind: 'trained', ticket, payload, state: encodeLearnerState(next), loss, steps },
  };
}
