// The files of a TensorFlow.js layers model on disk: model.json and, next to it, the weights that it names.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type DenseSpec, fromTfjsModel, TFJS_WEIGHTS_FILE, toTfjsModel } from '../fusion/index.ts';
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
  if (JSON.stringify(shapesOf(model.spec)) !== JSON.stringify(shapesOf(spec))) {
    throw fail('its layers are not those of the manifest');
  }
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

function shapesOf(spec: DenseSpec): unknown {
  return [spec.inputs, spec.layers.map(({ units, activation }) => [units, activation])];
}
