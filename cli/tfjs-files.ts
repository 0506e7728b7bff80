// The files of a TensorFlow.js layers model on disk: model.json and, next to it, the weights that it names.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type DenseSpec, fromTfjsModel, layoutOf, TFJS_WEIGHTS_FILE, toTfjsModel } from '../fusion/index.ts';
import { CliError } from './errors.ts';

/** Writes model.json and weights.bin beside it. */
export function writeTfjsModel(path: string, spec: DenseSpec, weights: Float32Array): void {
  const { modelJson, weightsBin } = toTfjsModel(spec, weights);
  // Weights first: a model.json that is there has its weights.
  writeFileSync(join(dirname(path), TFJS_WEIGHTS_FILE), weightsBin);
  writeFileSync(path, modelJson);
}

/**
 * Flat weights of a model of this spec.
 * @throws CliError MELDMESH_MODEL_FILE
 */
export function readTfjsModel(path: string, spec: DenseSpec): Float32Array {
  const fail = (reason: string, cause?: unknown) =>
    new CliError('MELDMESH_MODEL_FILE', `${path} is no usable model: ${reason}`, {
      cause,
      hint: 'Give the model.json of a TensorFlow.js layers model of dense layers, with its weights beside it',
    });
  let modelJson: string;
  let weightsBin: Uint8Array;
  try {
    modelJson = readFileSync(path, 'utf8');
    weightsBin = Buffer.concat(weightPaths(modelJson).map((name) => readFileSync(join(dirname(path), name))));
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
  const model = fromTfjsModel(modelJson, weightsBin);
  if ('error' in model) throw fail(model.error);
  const difference = differenceOf(model.spec, spec);
  if (difference !== undefined) throw fail(difference);
  return model.weights;
}

/** Names of the weight files; only ones beside model.json are looked at, whatever it says. */
function weightPaths(modelJson: string): readonly string[] {
  const parsed: unknown = JSON.parse(modelJson);
  if (typeof parsed !== 'object' || parsed === null || !('weightsManifest' in parsed)) return [];
  const groups: readonly unknown[] = Array.isArray(parsed.weightsManifest) ? parsed.weightsManifest : [];
  return groups.flatMap((group) => {
    if (typeof group !== 'object' || group === null || !('paths' in group)) return [];
    const paths: readonly unknown[] = Array.isArray(group.paths) ? group.paths : [];
    return paths.map((name) => basename(String(name)));
  });
}

/** The first thing in which a model is not the manifest's. */
function differenceOf(model: DenseSpec, wanted: DenseSpec): string | undefined {
  const [ours, theirs] = [layoutOf(model).tensors, layoutOf(wanted).tensors];
  for (const [i, { name, shape }] of theirs.entries()) {
    const found = ours[i]?.shape;
    if (found === undefined) return `the tensor ${name} is missing`;
    if (found.join() !== shape.join()) return `the tensor ${name} has the shape [${found}], not [${shape}]`;
  }
  if (ours.length > theirs.length) return `the manifest's model has no tensor ${ours[theirs.length].name}`;
  const at = wanted.layers.findIndex(({ activation }, i) => activation !== model.layers[i].activation);
  if (at < 0) return undefined;
  return `the layer dense_${at} is ${model.layers[at].activation}, not ${wanted.layers[at].activation}`;
}
