// What every contender trains, and the samples for it.
import { type DenseSpec, parseModelName } from '../../../fusion/index.ts';
import type { Dataset, TrainingSettings } from '../../../learning/index.ts';
import { loadMnist } from '../../../node/data-files.ts';

export interface Workload {
  readonly title: string;
  readonly spec: DenseSpec;
  readonly settings: TrainingSettings;
  /** `noise`: every input is drawn, none is zero, so that nothing can be skipped. */
  readonly data: 'digits' | 'noise';
  /** Samples of one timed epoch. */
  readonly samples: number;
}

function mlp(name: string): DenseSpec {
  const spec = parseModelName(name, { inputs: 784, classes: 10 });
  if (spec === undefined) throw new Error(`${name} is not a model`);
  return spec;
}

export const WORKLOADS = {
  wide: {
    title: 'MLP 784-512-512-10, batch 64, SGD, digits',
    spec: mlp('mlp:512,512'),
    settings: { learningRate: 0.05, momentum: 0, batch: 64, localEpochs: 1 },
    data: 'digits',
    samples: 2_560,
  },
  'wide-noise': {
    title: 'the same on inputs without a zero',
    spec: mlp('mlp:512,512'),
    settings: { learningRate: 0.05, momentum: 0, batch: 64, localEpochs: 1 },
    data: 'noise',
    samples: 2_560,
  },
  small: {
    title: 'MLP 784-256-10, batch 32, SGD with momentum, digits',
    spec: mlp('mlp:256'),
    settings: { learningRate: 0.05, momentum: 0.9, batch: 32, localEpochs: 1 },
    data: 'digits',
    samples: 3_200,
  },
} as const satisfies Readonly<Record<string, Workload>>;

export type WorkloadName = keyof typeof WORKLOADS;

export function samplesOf(workload: Workload): Dataset {
  const { train } = loadMnist({ samples: workload.samples, testSamples: 1 });
  if (workload.data === 'digits') return train;
  // A fixed sequence of all values but zero.
  const inputs = Uint8Array.from(train.inputs, (_, i) => 1 + (((i * 2_654_435_761) >>> 8) % 255));
  return { ...train, inputs };
}
