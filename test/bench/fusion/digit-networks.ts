// Networks for the fusion benchmarks: MLPs on the first real digits, by Adam over the library's own gradient functions. It
// knows no rule.

import { trainPoints } from '../../../fusion/connectivity/trained-points.ts';
import { createRandom, type DenseSpec, initialWeights, layoutOf } from '../../../fusion/index.ts';
import { type ModelFunctions, openModelFunctions } from '../../../learning/model-functions.ts';
import { loadMnist } from '../../../node/data-files.ts';
import { trainedWeights } from './trained-weights.ts';

const SAMPLES = 10_000;
const BATCH = 100;
const EPOCHS = 40;
const RATE = 1e-3;

/** Hidden ReLU layers of these widths. */
export function digitSpec(hidden: readonly number[]): DenseSpec {
  return {
    kind: 'dense',
    inputs: 784,
    layers: [
      ...hidden.map((units) => ({ units, activation: 'relu' as const })),
      { units: 10, activation: 'linear' as const },
    ],
    loss: 'softmax-cross-entropy',
  };
}

/** On the first 10,000 digits, scored on the 10,000 test digits; the seed draws the batches. */
export function openDigits(spec: DenseSpec, seed: string): Promise<ModelFunctions> {
  const { train, test } = loadMnist({ samples: SAMPLES });
  return openModelFunctions({ spec, scale: 255, train, test, batch: BATCH, seed });
}

/**
 * First weights: `torch` draws kernels and biases uniform within 1 / √inputs, as torch.nn.Linear does and most published
 * pairs began; `glorot` is how meshes here begin. The larger those are, the farther apart the trained models end.
 */
export type FirstWeights = 'glorot' | 'torch';

/** Adam 1e-3, batches of 100, 40 epochs; the seed draws first weights and batches. Kept between runs. */
export function trainDigits(
  spec: DenseSpec,
  seed: string,
  first: FirstWeights = 'glorot',
): Promise<Float32Array> {
  return trainedWeights({
    name: `mlp-${spec.layers.map(({ units }) => units).join('-')}-${first}-${seed}`,
    settings: { spec, seed, first, SAMPLES, BATCH, EPOCHS, RATE },
    train: () =>
      train(spec, seed, first === 'glorot' ? initialWeights(spec, seed) : torchWeights(spec, seed)),
  });
}

function torchWeights(spec: DenseSpec, seed: string): Float32Array {
  const layout = layoutOf(spec);
  const weights = new Float32Array(layout.size);
  const random = createRandom(seed);
  let inputs = 0;
  for (const { name, shape, offset, size } of layout.tensors) {
    // A bias follows the kernel of its layer.
    if (shape.length === 2) inputs = shape[0];
    const stream = random.fork(name);
    for (let i = offset; i < offset + size; i++) weights[i] = (2 * stream.float() - 1) / Math.sqrt(inputs);
  }
  return weights;
}

async function train(spec: DenseSpec, seed: string, first: Float32Array): Promise<Float32Array> {
  const { gradient, stepsPerEpoch } = await openDigits(spec, `training ${seed}`);
  const { points } = trainPoints(
    {
      points: [first],
      isTrained: () => true,
      draw: (coefficients) => coefficients.fill(1),
    },
    {
      gradient,
      steps: EPOCHS * stepsPerEpoch,
      rate: () => RATE,
      rule: { kind: 'adam' },
      random: createRandom(seed),
    },
  );
  return points[0];
}
