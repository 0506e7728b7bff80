// A checkpoint from anywhere as one flat vector: safetensors of any names and float types, with what is no weight carried
// along. It does not know what model it is.
import { existsSync } from 'node:fs';
import {
  decodeSafetensors,
  encodeSafetensors,
  type ModelLayout,
  type NamedTensor,
  PARAMETERS_MAX,
  type SafetensorsFile,
} from '../../fusion/index.ts';
import { CliError } from '../errors.ts';
import { readUpTo } from '../model-file.ts';

/** Float32 of the largest model, and as much again for momentum and what else there is. */
const BYTES_MAX = 2 ** 31 - 1;
const TENSORS_MAX = 16_384;
/** In a backup of a mesh's whole state, beside each tensor its outer momentum. */
const MOMENTUM_PREFIX = 'outer_momentum/';

export interface Checkpoint {
  readonly path: string;
  /** Of the weights alone, in the order of the file. */
  readonly layout: ModelLayout;
  /** Flat float32. */
  readonly weights: Float32Array;
  /** Of the same layout; absent in nearly all files. */
  readonly momentum: Float32Array | undefined;
  readonly file: SafetensorsFile;
}

/** @throws CliError MELDMESH_MODEL_FILE */
export function readCheckpoint(path: string): Checkpoint {
  const file = decodeSafetensors(readUpTo(path, BYTES_MAX, unusable), {
    tensorsMax: TENSORS_MAX,
    bytesMax: BYTES_MAX,
    anyType: true,
  });
  if ('error' in file) throw unusable(path, file.error);
  const weights = file.tensors.filter(({ name }) => !name.startsWith(MOMENTUM_PREFIX));
  const layout = layoutOfTensors(path, weights);
  const momentum = new Map(file.tensors.map((tensor) => [tensor.name, tensor]));
  const beside = weights.flatMap(({ name }) => momentum.get(`${MOMENTUM_PREFIX}${name}`) ?? []);
  if (beside.length > 0 && beside.length < weights.length)
    throw unusable(path, 'some of its tensors have a momentum and others have none');
  return {
    path,
    layout,
    weights: flatOf(layout, weights),
    momentum: beside.length === 0 ? undefined : flatOf(layout, beside),
    file,
  };
}

/** The same file with other weights: types, order, metadata and all other tensors stay. */
export function encodeCheckpoint(
  { layout, file }: Checkpoint,
  state: { readonly weights: Float32Array; readonly momentum: Float32Array | undefined },
  notes: Readonly<Record<string, string>>,
): Uint8Array {
  const places = new Map(layout.tensors.map((tensor) => [tensor.name, tensor]));
  const tensors = file.tensors.map((tensor) => {
    const isMomentum = tensor.name.startsWith(MOMENTUM_PREFIX);
    const place = places.get(isMomentum ? tensor.name.slice(MOMENTUM_PREFIX.length) : tensor.name);
    const values = isMomentum ? state.momentum : state.weights;
    if (place === undefined || values === undefined) return tensor;
    return { ...tensor, data: values.subarray(place.offset, place.offset + place.size) };
  });
  return encodeSafetensors([...tensors, ...file.opaque], { ...file.metadata, ...notes });
}

/**
 * The second checkpoint's vectors in the order of the first one's tensors.
 * @throws CliError MELDMESH_MODEL_FILE, naming the tensor that is missing or has another shape
 */
export function inOrderOf(first: Checkpoint, second: Checkpoint): Checkpoint {
  const { layout } = first;
  const known = new Map(second.layout.tensors.map((tensor) => [tensor.name, tensor]));
  for (const { name, shape } of layout.tensors) {
    const other = known.get(name);
    if (other === undefined) throw unusable(second.path, `it has no tensor ${name}, as ${first.path} has`);
    if (other.shape.join() !== shape.join()) {
      const [one, two] = [other.shape, shape].map((lengths) => `[${lengths.join(', ')}]`);
      throw unusable(second.path, `its tensor ${name} has the shape ${one}, in ${first.path} it is ${two}`);
    }
    known.delete(name);
  }
  const [extra] = known.keys();
  if (extra !== undefined) throw unusable(second.path, `it has a tensor ${extra}, which ${first.path} lacks`);
  const reordered = (values: Float32Array): Float32Array => {
    const flat = new Float32Array(layout.size);
    const places = new Map(second.layout.tensors.map((tensor) => [tensor.name, tensor]));
    for (const { name, offset } of layout.tensors) {
      const from = places.get(name);
      if (from !== undefined) flat.set(values.subarray(from.offset, from.offset + from.size), offset);
    }
    return flat;
  };
  const { weights, momentum } = second;
  return {
    ...second,
    layout,
    weights: reordered(weights),
    momentum: momentum && reordered(momentum),
  };
}

/** @throws CliError MELDMESH_FILE_EXISTS */
export function refuseToOverwrite(path: string, { force }: { readonly force: boolean }): void {
  if (!existsSync(path) || force) return;
  throw new CliError('MELDMESH_FILE_EXISTS', `${path} exists already`, {
    hint: 'Choose another --out, or write over it with --force',
  });
}

function layoutOfTensors(path: string, tensors: readonly NamedTensor[]): ModelLayout {
  let size = 0;
  const placed = tensors.map(({ name, shape, data }) => {
    const offset = size;
    size += data.length;
    return { name, shape, offset, size: data.length };
  });
  if (size === 0) throw unusable(path, 'it holds no floats');
  if (size > PARAMETERS_MAX) throw unusable(path, `it has ${size} parameters, more than ${PARAMETERS_MAX}`);
  return { tensors: placed, size };
}

function flatOf(layout: ModelLayout, tensors: readonly NamedTensor[]): Float32Array {
  const flat = new Float32Array(layout.size);
  for (const [i, { offset }] of layout.tensors.entries()) flat.set(tensors[i].data, offset);
  return flat;
}

function unusable(path: string, reason: string, cause?: unknown): CliError {
  return new CliError('MELDMESH_MODEL_FILE', `${path} is no usable checkpoint: ${reason}`, {
    cause,
    hint: 'Give two .safetensors files of one architecture',
  });
}
