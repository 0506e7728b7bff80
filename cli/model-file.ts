// A shared model as a file and back: safetensors with the mesh's manifest in it, so that `evaluate` and `predict`
// need nothing else, or the two files of a TensorFlow.js layers model.
import { readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { decodeSafetensors, encodeSafetensors, layoutOf, type NamedTensor } from '../fusion/index.ts';
import { canonicalText, decodeManifest, type Manifest } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { readTfjsModel } from './tfjs-files.ts';

/** Name of the manifest's text in a file's metadata. */
export const MANIFEST_KEY = 'meldmesh.manifest';
const MESH_KEY = 'meldmesh.meshId';
const GENERATION_KEY = 'meldmesh.generation';
const SAMPLES_KEY = 'meldmesh.samples';
const MOMENTUM_PREFIX = 'outer_momentum/';
/** Larger than any model that a manifest may describe, with its momentum. */
const BYTES_MAX = 1_200_000_000;
const TENSORS_MAX = 1_024;

export interface ModelFile {
  readonly manifest: Manifest;
  /** Flat float32 in tensor order. */
  readonly weights: Float32Array;
  /** The outer momentum, in a backup of the whole state. */
  readonly momentum: Float32Array | undefined;
  /** Where it was trained; absent for a model from elsewhere. */
  readonly meshId: string | undefined;
  readonly generation: number | undefined;
  readonly samples: number | undefined;
}

/** The bytes of a safetensors file. */
export function encodeModelFile(model: {
  readonly manifest: Manifest;
  readonly weights: Float32Array;
  readonly momentum?: Float32Array;
  readonly generation: number;
  readonly samples?: number;
  readonly digest: string;
  readonly meshId: string;
}): Uint8Array {
  const { manifest, weights, momentum, generation, samples, digest, meshId } = model;
  const { tensors } = layoutOf(manifest.model);
  const named = (values: Float32Array, prefix: string): readonly NamedTensor[] =>
    tensors.map(({ name, shape, offset, size }) => ({
      name: `${prefix}${name}`,
      shape,
      data: values.subarray(offset, offset + size),
    }));
  const state = momentum === undefined ? [] : named(momentum, MOMENTUM_PREFIX);
  return encodeSafetensors([...named(weights, ''), ...state], {
    format: 'meldmesh',
    [MANIFEST_KEY]: canonicalText(manifest),
    [MESH_KEY]: meshId,
    [GENERATION_KEY]: String(generation),
    'meldmesh.digest': digest,
    ...(samples === undefined ? {} : { [SAMPLES_KEY]: String(samples) }),
  });
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const draft = `${path}.${process.pid}.part`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

/**
 * Reads a model file: `model.json` of TensorFlow.js or safetensors. `manifest` is for files that carry none of
 * their own.
 * @throws CliError MELDMESH_MODEL_FILE
 */
export function readModelFile(path: string, manifest?: Manifest): ModelFile {
  if (path.endsWith('.json')) {
    if (manifest === undefined) throw badModelFile(path, 'model.json carries no manifest; give --manifest');
    const weights = readTfjsModel(path, manifest.model);
    const unknown = { momentum: undefined, meshId: undefined, generation: undefined, samples: undefined };
    return { manifest, weights, ...unknown };
  }
  const file = decodeSafetensors(readUpTo(path, BYTES_MAX, badModelFile), {
    tensorsMax: TENSORS_MAX,
    bytesMax: BYTES_MAX,
  });
  if ('error' in file) throw badModelFile(path, file.error);
  const { tensors, metadata } = file;
  const known = manifest ?? manifestOf(metadata[MANIFEST_KEY]);
  if (known === undefined) throw badModelFile(path, 'it carries no manifest; give --manifest');
  const isMomentum = ({ name }: NamedTensor) => name.startsWith(MOMENTUM_PREFIX);
  const momentum = tensors.filter(isMomentum).map((each) => ({
    ...each,
    name: each.name.slice(MOMENTUM_PREFIX.length),
  }));
  const weights = tensors.filter((each) => !isMomentum(each));
  return {
    manifest: known,
    weights: flatten(path, weights, known),
    momentum: momentum.length === 0 ? undefined : flatten(path, momentum, known),
    meshId: metadata[MESH_KEY],
    generation: wholeNumberOf(metadata[GENERATION_KEY]),
    samples: wholeNumberOf(metadata[SAMPLES_KEY] ?? metadata.samples),
  };
}

function flatten(path: string, tensors: readonly NamedTensor[], manifest: Manifest): Float32Array {
  const layout = layoutOf(manifest.model);
  const flat = new Float32Array(layout.size);
  for (const { name, shape, offset } of layout.tensors) {
    const tensor = tensors.find((each) => each.name === name);
    if (tensor === undefined) throw badModelFile(path, `the tensor ${name} is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw badModelFile(path, `the tensor ${name} has the shape [${tensor.shape}], not [${shape}]`);
    }
    const bad = tensor.data.find((value) => !Number.isFinite(value));
    if (bad !== undefined) throw badModelFile(path, `the tensor ${name} holds ${bad}`);
    flat.set(tensor.data, offset);
  }
  const known = new Set(layout.tensors.map(({ name }) => name));
  const extra = tensors.find(({ name }) => !known.has(name));
  if (extra !== undefined)
    throw badModelFile(path, `the manifest's model has no tensor ${JSON.stringify(extra.name)}`);
  return flat;
}

/** A file of at most so many bytes, whose size is looked at before it is read; what is wrong goes to `failed`. */
export function readUpTo(
  path: string,
  bytesMax: number,
  failed: (path: string, reason: string, cause: unknown) => CliError,
): Uint8Array {
  try {
    if (statSync(path).size > bytesMax) throw new Error(`it is larger than ${bytesMax} bytes`);
    return readFileSync(path);
  } catch (cause) {
    throw failed(path, cause instanceof Error ? cause.message : String(cause), cause);
  }
}

function badModelFile(path: string, reason: string, cause?: unknown): CliError {
  return new CliError('MELDMESH_MODEL_FILE', `${path} is no usable model: ${reason}`, {
    cause,
    hint: 'Give a file that `meldmesh mesh --out` or `meldmesh checkpoints export` wrote, or the right --manifest',
  });
}

function manifestOf(text: string | undefined): Manifest | undefined {
  return text === undefined ? undefined : decodeManifest(new TextEncoder().encode(text)).manifest;
}

function wholeNumberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
