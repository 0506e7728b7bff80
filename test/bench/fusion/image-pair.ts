// Two networks for images that know nothing of one another, and what the benchmarks ask of them: where the second one's units
// belong, and how the line between the two looks. It knows neither bars nor tables.
import { lossBarrier } from '../../../fusion/connectivity/barrier.ts';
import type { PointRepair } from '../../../fusion/connectivity/path-profile.ts';
import { matchActivations } from '../../../fusion/matching/activation-matching.ts';
import { matchWeights } from '../../../fusion/matching/weight-matching.ts';
import type { Activations, Evaluation } from '../../../fusion/model-functions.ts';
import { createRandom } from '../../../fusion/random.ts';
import type { PermutationSpec, Permutations } from '../../../fusion/symmetry/permutation-spec.ts';
import { permuteModel } from '../../../fusion/symmetry/permute.ts';
import type { ModelLayout } from '../../../fusion/types.ts';
import { firstSamples } from '../../../learning/dataset.ts';
import { loadMnist } from '../../../node/data-files.ts';
import type { ImageModel } from './digit-images.ts';
import { points, tableRow } from './table.ts';
import { openNetwork, SAMPLES, trainedImageModel } from './trained-models.ts';

/** Orders of weight matching, of which the best by the objective counts. */
export const STARTS = 10;
/** Training digits on which activations and statistics are measured. */
export const PROBES = 1_000;
/** Places on the line, ends included. */
const PLACES = 11;

export interface ImagePair {
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  readonly from: Float32Array;
  readonly to: Float32Array;
  /** On the 10,000 test digits. */
  readonly evaluate: (weights: Float32Array) => Evaluation;
  /** Logits of the probes. */
  readonly logits: (weights: Float32Array) => Float32Array;
  readonly outputs: Activations;
  readonly preActivations: Activations;
}

/** Trained, or from the cache. */
export async function openPair(model: ImageModel, seeds: readonly [string, string]): Promise<ImagePair> {
  const network = openNetwork(model);
  const { layout } = network;
  const { train, test } = loadMnist({ samples: SAMPLES });
  const probes = firstSamples(train, PROBES);
  return {
    layout,
    spec: model.specOf(layout),
    from: await trainedImageModel(model, network, seeds[0]),
    to: await trainedImageModel(model, network, seeds[1]),
    evaluate: (weights) => network.evaluate(weights, test),
    logits: (weights) => network.logits(weights, probes),
    outputs: network.outputs(probes),
    preActivations: network.preActivations(probes),
  };
}

export type Method = 'weights' | 'activations' | 'activations, then weights';

/** The second model with its units where the weights, or the activations by their correlation, say. */
export function alignedBy(pair: ImagePair, method: Method): Float32Array {
  const { layout, spec, from: reference, to: model } = pair;
  const models = { reference, model, layout, spec };
  const random = createRandom('match');
  if (method === 'weights')
    return moved(pair, matchWeights({ ...models, random, starts: STARTS }).permutations);
  const { permutations } = matchActivations({ ...models, activations: pair.outputs });
  if (method === 'activations') return moved(pair, permutations);
  return moved(pair, matchWeights({ ...models, random, initial: permutations }).permutations);
}

function moved({ layout, spec, to }: ImagePair, permutations: Permutations): Float32Array {
  return permuteModel({ weights: to, layout, spec, permutations });
}

export interface Line {
  readonly name: string;
  /** Highest loss above the line between the ends' losses. */
  readonly barrier: number;
  /** Mean accuracy of the ends less the lowest, a share. */
  readonly lost: number;
  /** Loss and accuracy in the middle. */
  readonly middle: Evaluation;
}

export const LINE_HEAD = ['the second model', 'ends, %', 'middle, %', 'points lost', 'loss barrier'];

/** Walks the line and prints its row. */
export function walkLine(
  pair: ImagePair,
  end: { readonly name: string; readonly to: Float32Array; readonly repair?: PointRepair },
): Line {
  const { evaluate, from } = pair;
  const { name, to, repair } = end;
  const {
    barrier,
    accuracyDrop = Number.NaN,
    points: places,
  } = lossBarrier({
    from,
    to,
    evaluate,
    points: PLACES,
    repair,
  });
  const middle = places[(PLACES - 1) / 2];
  const ends = [places[0], places[PLACES - 1]].map(({ accuracy }) => points(accuracy));
  const cells = [ends.join(' / '), points(middle.accuracy), points(accuracyDrop), barrier.toFixed(4)];
  console.log(tableRow(name, ...cells));
  return { name, barrier, lost: accuracyDrop, middle };
}
