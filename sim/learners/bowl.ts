// A learner without data: its loss is a quadratic bowl around an optimum of its own, ½ |w − optimum|², and a round goes
// part of the way down. The mesh should go to the mean of the optima, weighted by samples.
import {
  type Codec,
  codecNamed,
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
  /** Its first round brings these weights from elsewhere, and the samples behind them, in place of a step. */
  readonly foreign?: { readonly weights: Float32Array; readonly samples: number; readonly codec: Codec };
}

export class BowlWork implements RoundWork {
  readonly samples: number;
  onTrained?: (round: RoundSeen) => void;
  readonly #options: BowlOptions;
  #residual: Float32Array;
  #isNew = true;

  constructor(options: BowlOptions) {
    this.#options = options;
    this.samples = options.samples;
    this.#residual = new Float32Array(options.layout.size);
  }

  train({ model, generation, takeBack: returned }: TrainJob): TrainedWork {
    const { codec, layout, optimum, rate, seed } = this.#options;
    const foreign = this.#isNew ? this.#options.foreign : undefined;
    const residual = this.#residual.slice();
    for (const { payload, sign, codec: name } of returned) {
      takeBack({ residual, payload, sign, codec: codecNamed(name ?? codec.name) ?? codec, layout });
    }
    const delta =
      foreign === undefined
        ? model.map((value, i) => rate * (optimum[i] - value))
        : model.map((value, i) => foreign.weights[i] - value);
    const loss = lossAt(model, optimum);
    const random = createRandom(`${seed} ${generation}`);
    const by = foreign?.codec ?? codec;
    const { payload } = compressWithFeedback({ delta, residual, codec: by, layout, random });
    this.#residual = residual;
    this.#isNew = false;
    this.onTrained?.({ delta, residual: residual.slice(), payload });
    const told = { payload, state: new Uint8Array(residual.slice().buffer), loss, steps: 1 };
    return foreign === undefined ? told : { ...told, codec: by.name, samples: foreign.samples };
  }

  evaluate(model: Float32Array): { readonly accuracy: number; readonly loss: number } {
    return { accuracy: 0, loss: lossAt(model, this.#options.optimum) };
  }

  restore(state: Uint8Array): void {
    this.#residual = new Float32Array(state.slice().buffer);
    this.#isNew = false;
  }
}

/** Mean over the weights, so that models of any size compare. */
function lossAt(model: Float32Array, optimum: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < model.length; i++) sum += (model[i] - optimum[i]) ** 2;
  return sum / (2 * model.length);
}
