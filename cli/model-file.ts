// A shared model as a safetensors file and back. The file carries its mesh's manifest, so that `evaluate` and
// `predict` need nothing else.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { decodeSafetensors, encodeSafetensors, layoutOf } from '../fusion/index.ts';
import { canonicalText, decodeManifest, type Manifest } from '../protocols/index.ts';
import { CliError } from './errors.ts';

const MANIFEST_KEY = 'meldmesh.manifest';
/** Larger than any model that a manifest may describe. */
const BYTES_MAX = 1_200_000_000;
const TENSORS_MAX = 1_024;

export interface ModelFile {
  readonly manifest: Manifest;
  /** Flat float32 in tensor order. */
  readonly weights: Float32Array;
}

/** The bytes of a model file. */
export function encodeModelFile(
  model: ModelFile & { readonly generation: number; readonly digest: string; readonly meshId: string },
): Uint8Array {
  const { manifest, weights, generation, digest, meshId } = model;
  const tensors = layoutOf(manifest.model).tensors.map(({ name, shape, offset, size }) => ({
    name,
    shape,
    data: weights.subarray(offset, offset + size),
  }));
  return encodeSafetensors(tensors, {
    format: 'meldmesh',
    [MANIFEST_KEY]: canonicalText(manifest),
    'meldmesh.meshId': meshId,
    'meldmesh.generation': String(generation),
    'meldmesh.digest': digest,
  });
}

/** Writes a file whole or not at all. */
export function writeWhole(path: string, bytes: Uint8Array | string): void {
  const draft = `${path}.${process.pid}.part`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

/**
 * Reads a model file. `manifest` is for files that carry none of their own.
 * @throws CliError MELDMESH_MODEL_FILE
 */
export function readModelFile(path: string, manifest?: Manifest): ModelFile {
  const fail = (reason: string, cause?: unknown) =>
    new CliError('MELDMESH_MODEL_FILE', `${path} is no usable model: ${reason}`, {
      cause,
      hint: 'Give a .safetensors file that `meldmesh mesh --out` or `meldmesh checkpoints export` wrote',
    });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw fail('the file cannot be read', cause);
  }
  const file = decodeSafetensors(bytes, { tensorsMax: TENSORS_MAX, bytesMax: BYTES_MAX });
  if ('error' in file) throw fail(file.error);
  const known = manifest ?? manifestOf(file.metadata[MANIFEST_KEY]);
  if (known === undefined) throw fail('it carries no manifest, and none was given with --manifest');
  const layout = layoutOf(known.model);
  if (file.tensors.length !== layout.tensors.length) {
    throw fail(`it has ${file.tensors.length} tensors, the manifest's model has ${layout.tensors.length}`);
  }
  const weights = new Float32Array(layout.size);
  for (const { name, shape, offset } of layout.tensors) {
    const tensor = file.tensors.find((each) => each.name === name);
    if (tensor === undefined) throw fail(`the tensor ${name} is missing`);
    if (tensor.shape.join() !== shape.join()) {
      throw fail(`the tensor ${name} has the shape [${tensor.shape}], not [${shape}]`);
    }
    weights.set(tensor.data, offset);
  }
  return { manifest: known, weights };
}

function manifestOf(text: string | undefined): Manifest | undefined {
  return text === undefined ? undefined : decodeManifest(new TextEncoder().encode(text)).manifest;
}
