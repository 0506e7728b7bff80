// The updates of `meldmesh robust`: a folder of checkpoints with equal tensors, and how much each of them weighs.
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FusionError, type UpdateSet } from '../../fusion/index.ts';
import { type Checkpoint, inOrderOf, readCheckpoint } from '../align/checkpoint.ts';
import { CliError } from '../errors.ts';

/** What `checkpoints export` writes into a model's metadata, too. */
export const SAMPLES_KEY = 'meldmesh.samples';
const FILES_MAX = 1_024;
/** Of all updates together, in memory. */
const FLOATS_MAX = 2 ** 31;

export interface UpdateFiles {
  /** Ascending names: the order of all sums, and of ties. */
  readonly names: readonly string[];
  /** Its tensors, types and metadata are those of the result. */
  readonly first: Checkpoint;
  readonly set: UpdateSet;
  /** Whether the weights are numbers of samples. */
  readonly areSamples: boolean;
}

/** @throws CliError MELDMESH_MODEL_FILE; FusionError MELDMESH_FUSION_TOO_FEW, …_NOT_FINITE; errors of the file system */
export function readUpdateFiles(folder: string): UpdateFiles {
  const paths = readdirSync(folder)
    .filter((name) => name.endsWith('.safetensors'))
    .sort()
    .map((name) => join(folder, name));
  if (paths.length === 0) {
    const text = `${folder} holds no .safetensors file; give the folder of the updates.`;
    throw new FusionError('MELDMESH_FUSION_TOO_FEW', text);
  }
  const first = readUpdateFile(paths[0]);
  if (paths.length > FILES_MAX || paths.length * first.layout.size > FLOATS_MAX) {
    const text = `${folder} holds ${paths.length} updates of ${first.layout.size} numbers`;
    const hint = `Give up to ${FILES_MAX} files and ${FLOATS_MAX} numbers at once`;
    throw new CliError('MELDMESH_MODEL_FILE', text, { hint });
  }
  const rest = paths.slice(1).map((path) => inOrderOf(first, readUpdateFile(path)));
  const files = [first, ...rest];
  const samples = files.map(samplesOf);
  const without = files.find((_, i) => samples[i] === undefined);
  const areSamples = samples.some((count) => count !== undefined);
  if (areSamples && without !== undefined) {
    throw unusable(
      without.path,
      `it has no ${SAMPLES_KEY} in its metadata and others have; give all or none`,
    );
  }
  const names = paths.map((path) => basename(path));
  const updates = files.map(({ weights }, i) => ({
    values: weights,
    weight: samples[i] ?? 1,
    name: names[i],
  }));
  return { names, first, set: { size: first.layout.size, updates }, areSamples };
}

/** One update, of which every number is finite. */
export function readUpdateFile(path: string): Checkpoint {
  const checkpoint = readCheckpoint(path);
  const { layout, weights, momentum } = checkpoint;
  if (momentum !== undefined)
    throw unusable(path, 'it is the whole state of a mesh, with momentum, and no update');
  for (const { name, offset, size } of layout.tensors) {
    const bad = weights.subarray(offset, offset + size).find((value) => !Number.isFinite(value));
    if (bad === undefined) continue;
    const text = `${path}: the tensor ${name} holds ${bad}; leave this update out.`;
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', text);
  }
  return checkpoint;
}

function samplesOf({ path, file }: Checkpoint): number | undefined {
  const text = file.metadata[SAMPLES_KEY];
  if (text === undefined) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw unusable(path, `${SAMPLES_KEY} in its metadata is ${JSON.stringify(text)} and no number of samples`);
}

function unusable(path: string, reason: string): CliError {
  return new CliError('MELDMESH_MODEL_FILE', `${path} is no usable update: ${reason}`, {
    hint: 'Give .safetensors files of trained weights minus those from which training began',
  });
}
