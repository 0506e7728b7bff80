// The folder in which weights change hands. All names are this side's, and each start of a trainer has names of its
// own: a process that outlived its node may go on writing, but never into what another one is asked for.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { decodeSafetensors, encodeSafetensors, type ModelLayout } from '../../fusion/index.ts';
import { type Dataset, isFiniteVector } from '../../learning/index.ts';
import { TrainerError, trainerError } from './errors.ts';
import { sampleFilePieces } from './sample-file.ts';

/** Room for a header with whatever metadata a trainer's writer adds. */
const HEADER_BYTES_MAX = 2 ** 20;

export class ExchangeFolder {
  readonly path: string;
  readonly #layout: ModelLayout;
  #start = '';

  constructor(path: string, layout: ModelLayout) {
    this.path = path;
    this.#layout = layout;
  }

  /** Makes the folder, or empties it, for one start of the trainer. Throws MELDMESH_TRAINER_DISK. */
  open(): void {
    this.#start = randomBytes(4).toString('hex');
    this.#writing('the folder of the trainer cannot be emptied', () => {
      mkdirSync(this.path, { recursive: true });
      this.remove(...readdirSync(this.path));
    });
  }

  /** Leaves nothing of the samples behind. Never throws. */
  clear(): void {
    this.remove('.');
  }

  /** A name that was never used before in this start. */
  nameOf(what: string): string {
    return `${what}-${this.#start}.safetensors`;
  }

  /** Throws MELDMESH_TRAINER_DISK; nothing of the file is left then. */
  writeSamples(name: string, data: Dataset): void {
    this.#write(name, 'the samples cannot be written for the trainer', sampleFilePieces(data));
  }

  /** Throws MELDMESH_TRAINER_DISK; nothing of the file is left then. */
  writeWeights(name: string, weights: Float32Array): void {
    const tensors = this.#layout.tensors.map(({ name: tensor, shape, offset, size }) => ({
      name: tensor,
      shape,
      data: weights.subarray(offset, offset + size),
    }));
    this.#write(name, 'the weights cannot be written for the trainer', [encodeSafetensors(tensors)]);
  }

  /** The weights in a file of the trainer's, finite and of the right shapes. Throws MELDMESH_TRAINER_RESULT. */
  readWeights(name: string): Float32Array<ArrayBuffer> {
    const layout = this.#layout;
    const bytesMax = HEADER_BYTES_MAX + 4 * layout.size;
    const file = decodeSafetensors(this.#readResult(name, bytesMax), {
      bytesMax,
      tensorsMax: layout.tensors.length,
    });
    if ('error' in file) throw unusable(`its file of weights is damaged (${file.error})`);
    const weights = new Float32Array(layout.size);
    for (const { name: tensor, shape, offset } of layout.tensors) {
      const found = file.tensors.find((each) => each.name === tensor);
      if (found === undefined) throw unusable(`its file of weights lacks the tensor ${tensor}`);
      if (found.shape.join() !== shape.join()) {
        throw unusable(`${tensor} has the shape [${found.shape.join(', ')}] and not [${shape.join(', ')}]`);
      }
      if (!isFiniteVector(found.data)) throw unusable(`${tensor} holds a value that is not finite`);
      weights.set(found.data, offset);
    }
    return weights;
  }

  /** Never throws: the folder is emptied at the next start anyway. */
  remove(...names: readonly string[]): void {
    for (const name of names) {
      try {
        rmSync(join(this.path, name), { recursive: true, force: true });
      } catch {
        // What cannot be removed is in nobody's way.
      }
    }
  }

  #readResult(name: string, bytesMax: number): Uint8Array {
    const path = join(this.path, name);
    try {
      const { size } = lstatOfFile(path);
      if (size > bytesMax) throw unusable(`its file of weights has ${size} bytes, far more than the model`);
      return readFileSync(path);
    } catch (cause) {
      if (cause instanceof TrainerError) throw cause;
      throw unusable('it says that it has trained, but its file of weights cannot be read', cause);
    }
  }

  #write(name: string, failure: string, pieces: readonly Uint8Array[]): void {
    this.#writing(failure, () => {
      const path = join(this.path, name);
      const file = openSync(path, 'w');
      try {
        for (const piece of pieces) writeWhole(file, piece);
      } catch (error) {
        rmSync(path, { force: true });
        throw error;
      } finally {
        closeSync(file);
      }
    });
  }

  #writing(failure: string, write: () => void): void {
    try {
      write();
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw trainerError('MELDMESH_TRAINER_DISK', `${failure} (${reason})`, cause);
    }
  }
}

/** A pipe or a device in place of a file would hold up the reader for ever. */
function lstatOfFile(path: string): { readonly size: number } {
  const found = lstatSync(path);
  if (!found.isFile()) throw unusable('its file of weights is no plain file');
  return found;
}

function writeWhole(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

function unusable(what: string, cause?: unknown): TrainerError {
  return trainerError('MELDMESH_TRAINER_RESULT', `the trainer's result cannot be used, ${what}`, cause);
}
