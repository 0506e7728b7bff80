// Two models and data to run them on, from the words of `barrier` and `connect`: what is read, and that it fits together.
import {
  createRandom,
  type DenseSpec,
  layoutOf,
  type ModelLayout,
  matchWeights,
  permutationSpecOf,
  permuteModel,
} from '../../fusion/index.ts';
import {
  checkDataset,
  type Dataset,
  firstSamples,
  kernelProduct,
  type ModelFunctions,
  openModelFunctions,
} from '../../learning/index.ts';
import type { Manifest } from '../../protocols/index.ts';
import { readCheckpoint } from '../align/checkpoint.ts';
import { testData, trainingData } from '../data.ts';
import { CliError } from '../errors.ts';
import { readManifestFile } from '../manifest-file.ts';
import { MANIFEST_KEY, readModelFile } from '../model-file.ts';
import { type DenseModel, denseModelOf, type ForeignWords } from './foreign-stack.ts';

export interface PairWords extends SampleWords {
  readonly manifest: string | undefined;
  readonly seed: string;
}

/** For models from elsewhere: what their files do not say. */
export interface RunWords extends PairWords, ForeignWords {
  /** What raw values are divided by; absent: what the manifest says, or as is usual for the data. */
  readonly scale: number | undefined;
}

export interface SampleWords {
  /** `mnist` or a path; its training samples train and show activations. */
  readonly data: string;
  /** Samples to score on; absent: the test set of `data`, or all of it where it has none. */
  readonly test: string | undefined;
  readonly labelColumn: string | undefined;
  /** At most so many, the first ones. */
  readonly samples: number;
  readonly testSamples: number | undefined;
}

export interface ModelPair {
  readonly spec: DenseSpec;
  readonly layout: ModelLayout;
  readonly from: Float32Array;
  readonly to: Float32Array;
  readonly train: Dataset;
  readonly test: Dataset;
  readonly functions: ModelFunctions;
}

/** Orders of matching that are tried; the objective chooses, never the data. */
const MATCHING_STARTS = 10;

/** @throws CliError MELDMESH_MODEL_FILE; FusionError; DataError; LearningError */
export async function readModelPair(
  files: { readonly from: string; readonly to: string },
  words: RunWords,
): Promise<ModelPair> {
  const [from, to] = [files.from, files.to].map((path) => readModel(path, words));
  const { spec } = from;
  if (JSON.stringify(spec) !== JSON.stringify(to.spec)) {
    const text = `${files.from} and ${files.to} are models of different layers`;
    throw new CliError('MELDMESH_MODEL_FILE', text, { hint: 'Give two models of one specification' });
  }
  const classes = spec.layers[spec.layers.length - 1].units;
  const { train, test } = readSamples({ data: { inputs: spec.inputs, classes } }, words);
  const scale = words.scale ?? from.scale ?? train.scale;
  const functions = await openModelFunctions({ spec, scale, train, test, seed: words.seed });
  return { spec, layout: layoutOf(spec), from: from.weights, to: to.weights, train, test, functions };
}

/** Of our own, by the manifest in the file or the given one, or from elsewhere. */
function readModel(path: string, words: RunWords): DenseModel & { readonly scale: number | undefined } {
  const given = words.manifest === undefined ? undefined : readManifestFile(words.manifest);
  if (given === undefined && path.endsWith('.safetensors')) {
    const checkpoint = readCheckpoint(path);
    const isForeign = checkpoint.file.metadata[MANIFEST_KEY] === undefined;
    if (isForeign) return { ...denseModelOf(checkpoint, words), scale: undefined };
  }
  const { manifest, weights } = readModelFile(path, given);
  return { spec: manifest.model, weights, scale: manifest.data.scale };
}

/** @throws DataError */
export function readSamples(
  { data: { inputs, classes } }: { readonly data: Pick<Manifest['data'], 'inputs' | 'classes'> },
  words: SampleWords,
): { readonly train: Dataset; readonly test: Dataset } {
  const { data, labelColumn } = words;
  const expected = { inputs, classes };
  const train = firstSamples(trainingData({ data, labelColumn, expected }), words.samples);
  const all = testData({ data: words.test ?? data, labelColumn, expected });
  const test = words.testSamples === undefined ? all : firstSamples(all, words.testSamples);
  for (const each of [train, test]) checkDataset(each, expected);
  return { train, test };
}

export interface Alignment {
  /** The second model with its units in the order of the first one's. */
  readonly aligned: Float32Array;
  readonly objective: { readonly before: number; readonly after: number };
  /** Euclidean distance of the models. */
  readonly distance: { readonly before: number; readonly after: number };
  readonly sweeps: number;
  readonly seconds: number;
}

/** By the weights alone, the best of ten orders. */
export function alignPair({ spec: model, layout, from, to }: ModelPair, seed: string): Alignment {
  const spec = permutationSpecOf(model);
  const startMs = performance.now();
  const matching = matchWeights({
    reference: from,
    model: to,
    layout,
    spec,
    random: createRandom(seed).fork('matching'),
    starts: MATCHING_STARTS,
    product: kernelProduct(),
  });
  const { permutations, before, after, sweeps } = matching;
  return {
    aligned: permuteModel({ weights: to, layout, spec, permutations }),
    objective: { before: before.objective, after: after.objective },
    distance: { before: Math.sqrt(before.squaredDistance), after: Math.sqrt(after.squaredDistance) },
    sweeps,
    seconds: (performance.now() - startMs) / 1_000,
  };
}
