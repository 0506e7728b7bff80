// The image models of the fusion benchmarks, trained on the first 10,000 real digits, or from the cache where they are there. It
// knows no rule.
import { createRandom } from '../../../fusion/random.ts';
import { loadMnist } from '../../../node/data-files.ts';
import { DIGIT, type ImageModel } from './digit-images.ts';
import { Network } from './network/network.ts';
import { trainedWeights } from './trained-weights.ts';

/** First digits of the training set. */
export const SAMPLES = 10_000;
const BATCH = 100;
/** Of Adam. */
const RATE = 1e-3;
export const IMAGE_EPOCHS = 12;

export function openNetwork({ architecture }: ImageModel): Network {
  return new Network(architecture, { images: DIGIT, samplesMax: BATCH });
}

/** Adam 1e-3, batches of 100, 12 epochs. */
export function trainedImageModel(model: ImageModel, network: Network, seed: string): Promise<Float32Array> {
  const { tensors } = network.layout;
  return trainedWeights({
    name: `${model.name}-seed-${seed}`,
    settings: {
      tensors,
      seed,
      first: 'torch',
      epochs: IMAGE_EPOCHS,
      batch: BATCH,
      rate: RATE,
      samples: SAMPLES,
    },
    train: () =>
      network.train({
        weights: network.initialWeights(createRandom(seed)),
        data: loadMnist({ samples: SAMPLES }).train,
        epochs: IMAGE_EPOCHS,
        batch: BATCH,
        rate: RATE,
        random: createRandom(`training ${seed}`),
      }),
  });
}
