// Plays recorded deltas back: what a member once trained in a generation it says again in that generation, whatever the
// model is by now. Nothing is trained and nothing is owed, so it shows what a network or an attack does to known deltas.
import type { Codec, ModelLayout } from '../../fusion/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import { SimError } from '../errors.ts';
import type { RecordedMember, Recording } from './recording.ts';
import type { RoundWork, TrainedWork } from './work.ts';

export interface ReplayOptions {
  readonly recording: Recording;
  /** Number of the member in the recording; beyond the last one: an observer. */
  readonly member: number;
  readonly codec: Codec;
  readonly layout: ModelLayout;
}

export class ReplayWork implements RoundWork {
  readonly samples: number;
  readonly #member: RecordedMember | undefined;

  /** Throws a SimError where the recording is of another codec or model. */
  constructor({ recording, member, codec, layout }: ReplayOptions) {
    this.#member = recording.members[member];
    this.samples = this.#member?.samples ?? 0;
    if (recording.codec !== codec.name)
      throw misfit(`they are encoded by ${recording.codec}, the scenario says ${codec.name}`);
    for (const payload of this.#member?.deltas.values() ?? []) {
      const fault = codec.check(payload, layout);
      if (fault !== undefined) throw misfit(fault);
    }
  }

  /** A generation that the member missed, it misses again: throws. */
  train({ generation }: TrainJob): TrainedWork {
    const payload = this.#member?.deltas.get(generation);
    if (payload === undefined) throw new Error(`no delta of generation ${generation} was recorded`);
    const state = new Uint8Array(4);
    new DataView(state.buffer).setUint32(0, generation, true);
    return { payload: payload.slice(), state, loss: 0, steps: 1 };
  }

  evaluate(): { readonly accuracy: number; readonly loss: number } {
    return { accuracy: 0, loss: 0 };
  }

  /** It has no past. */
  restore(): void {}
}

function misfit(reason: string): SimError {
  const text = `the recorded deltas do not fit this scenario: ${reason}; give it the model and codec of the recording`;
  return new SimError('MELDMESH_SIM_RECORDING', text);
}
