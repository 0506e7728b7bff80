// Where the program knows how to run a checkpoint (its file, or --manifest, says what model it is) it can be matched by what
// its units put out, proved to be the same function, and scored. Other checkpoints are matched by their weights alone.
import { createRandom, type DenseSpec, layoutOf, type ModelLayout } from '../../fusion/index.ts';
import { type Dataset, type ModelFunctions, openModelFunctions } from '../../learning/index.ts';
import { decodeManifest, type Manifest } from '../../protocols/index.ts';
import { type PairWords, readSamples } from '../connect/model-pair.ts';
import { readManifestFile } from '../manifest-file.ts';
import { MANIFEST_KEY } from '../model-file.ts';
import type { Checkpoint } from './checkpoint.ts';

export interface Runnable {
  readonly manifest: Manifest;
  readonly layout: ModelLayout;
  readonly functions: ModelFunctions;
  /** The samples are drawn numbers: good enough to compare outputs, not to score. */
  readonly isMadeUp: boolean;
  /** What the model answers with on the training samples, before the softmax. */
  readonly logits: (weights: Float32Array) => Float32Array;
}

/** Samples that stand in for data where none is given. */
const PROBES = 64;

/** The manifest that describes both checkpoints; `undefined` where nobody says what they are. */
export function manifestOf(
  checkpoints: readonly Checkpoint[],
  words: Pick<PairWords, 'manifest'>,
): Manifest | undefined {
  if (words.manifest !== undefined) return readManifestFile(words.manifest);
  const [text, ...others] = checkpoints.map(({ file }) => file.metadata[MANIFEST_KEY]);
  const manifest = text === undefined ? undefined : decodeManifest(new TextEncoder().encode(text)).manifest;
  const model = JSON.stringify(manifest?.model);
  const isOfAll = others.every((other) => {
    const theirs = decodeManifest(new TextEncoder().encode(other ?? '')).manifest?.model;
    return JSON.stringify(theirs) === model;
  });
  return isOfAll ? manifest : undefined;
}

/** @throws DataError; LearningError */
export async function openRunnable(
  manifest: Manifest,
  words: Omit<PairWords, 'data'> & { readonly data: string | undefined },
): Promise<Runnable> {
  const { model: spec, data: settings } = manifest;
  const { data } = words;
  const samples = data === undefined ? undefined : readSamples(manifest, { ...words, data });
  const probes = madeUp(spec, settings, words.seed);
  const { train, test } = samples ?? { train: probes, test: probes };
  const { scale } = settings;
  const functions = await openModelFunctions({ spec, scale, train, test, seed: words.seed });
  const last = `dense_${spec.layers.length - 1}`;
  return {
    manifest,
    layout: layoutOf(spec),
    functions,
    isMadeUp: samples === undefined,
    logits: (weights) => concatenated(functions.preActivations(weights, last)),
  };
}

function madeUp(spec: DenseSpec, { scale, classes }: Manifest['data'], seed: string): Dataset {
  const random = createRandom(seed).fork('probes');
  const inputs = Float32Array.from({ length: PROBES * spec.inputs }, () => scale * random.float());
  const labels = Int32Array.from({ length: PROBES }, () => random.below(classes));
  return { name: 'probes', inputs, labels, count: PROBES, inputSize: spec.inputs, classes, scale };
}

function concatenated(batches: Iterable<Float32Array>): Float32Array {
  const parts = [...batches];
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
