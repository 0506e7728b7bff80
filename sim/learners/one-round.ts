// One round of real training as a function of what it is given, for this thread and for others.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../../fusion/index.ts';
import {
  learnerStateBytes,
  newLearnerState,
  runRound,
  type Trainer,
  viewLearnerState,
  writeLearnerState,
} from '../../learning/index.ts';
import type { PoolRound, PoolSettings, PoolTrained } from './pool-messages.ts';

/** Memory that a thread uses for one round after the other. */
export interface RoundRoom {
  /** For the state after the round. */
  readonly state: Uint8Array;
  /** For trained weights, until they are compressed. */
  readonly weights: Float32Array;
}

/** Rejects with the LearningError of a training that fails. Keeps nothing. Without a room all memory is fresh. */
export async function trainOneRound(
  trainer: Trainer,
  { spec, codec: name, settings }: Pick<PoolSettings, 'spec' | 'codec' | 'settings'>,
  round: PoolRound,
  room?: RoundRoom,
): Promise<PoolTrained> {
  const { data, seed, state: before, isWatched } = round;
  const codec = codecNamed(name);
  assert(codec !== undefined, `there is no codec ${name}`);
  const layout = layoutOf(spec);
  const state = room?.state ?? new Uint8Array(learnerStateBytes(layout.size));
  const { residual, velocity } = viewLearnerState(state, layout.size);
  const weights = room?.weights ?? new Float32Array(layout.size);
  let delta: Float32Array | undefined;
  const done = await runRound(round, {
    codec,
    layout,
    state: before === undefined ? newLearnerState(seed, layout.size) : viewLearnerState(before, layout.size),
    residual,
    trainer: {
      train: (start) => {
        const trained = trainer.train({ ...start, data, settings, room: { weights, velocity } });
        if (isWatched) delta = difference(trained.weights, start.weights);
        return trained;
      },
    },
  });
  writeLearnerState(done.state, state);
  const { payload, loss, steps } = done;
  // The payload may be a view into something larger.
  return { payload: payload.slice(), state, loss, steps, delta };
}

function difference(a: Float32Array, b: Float32Array): Float32Array {
  const result = new Float32Array(a.length);
  for (let i = 0; i < a.length; i++) result[i] = a[i] - b[i];
  return result;
}
