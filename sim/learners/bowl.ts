// A learner without data: its loss is a quadratic bowl around an optimum of its own, ½ |w − optimum|², and a round goes
// part of the way down. The mesh should go to the mean of the optima, weighted by samples.
import {
  type Codec,
  compressWithFeedback,
  createRandom,
  type ModelLayout,
  takeBack,
} from '../../fusion/index.ts';
import type { TrainJob } from '../../protocols/index.ts';
import type { RoundSeen, RoundWork, TrainedWork } from './work.ts';

export interface BowlOptions {
  readonly codec: Codec;
  readonly layout: ModelLayout;
  readonly samples: number;
  /** Where this member's loss is least, a value for each weight. */
  readonly optimum: Float32Array;
  /** Share of the way that one round goes. */
  readonly rate: number;
  readonly seed: string;
}

export class BowlWork implements RoundWork {
  readonly samples: number;
  onTrained?: (round: RoundSeen) => void;
  readonly #options: BowlOptions;
  #residual: Float32Array;

  constructor(options: BowlOptions) {
    this.#options = options;
    this.samples = options.samples;
    this.#residual = new Float32Array(options.layout.size);
  }

  train({ model, generation, takeBack: returned }: TrainJob): TrainedWork {
    const { codec, layout, optimum, rate, seed } = this.#options;
    const residual = this.#residual.slice();
    for (const { payload, sign } of returned) takeBack({ residual, payload, sign, codec, layout });
    const delta = model.map((value, i) => rate * (optimum[i] - value));
    const loss = lossAt(model, optimum);
    const random = createRandom(`${seed} ${generation}`);
    const { payload } = compressWithFeedback({ delta, residual, codec, layout, random });
    this.#residual = residual;
    this.onTrained?.({ delta, residual: residual.slice(), payload });
    return { payload, state: new Uint8Array(residual.slice().buffer), loss, steps: 1 };
  }

  evaluate(model: Float32Array): { readonly accuracy: number; readonly loss: number } {
    return { accuracy: 0, loss: lossAt(model, this.#options.optimum) };
  }

  restore(state: Uint8Array): void {
    this.#residual = new Float32Array(state.slice().buffer);
  }
}

/** Mean over the weights, so that models of any size compare. */
function lossAt(model: Float32Array, optimum: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < model.length; i++) sum += (model[i] - optimum[i]) ** 2;
  return sum / (2 * model.length);
}
