// What a learner carries from round to round, as bytes. Little-endian:
//
//   offset  size  what
//        0     4  "MMLS"
//        4     4  version, 1
//        8     4  parameters P
//       12     4  zero
//       16    16  random state, from which each round's streams are forked
//       32     8  rounds done        (the data cursor: every round starts its epochs afresh)
//       40     8  steps done
//       48   4 P  residual, float32  (what compression left out so far)
//   48+4 P   4 P  velocity, float32  (momentum of the local optimiser)

import { LearningError } from './errors.ts';
import { isFiniteVector } from './finite.ts';

export interface LearnerState {
  readonly random: Uint8Array;
  readonly rounds: number;
  readonly steps: number;
  readonly residual: Float32Array;
  readonly velocity: Float32Array;
}

const MAGIC = 0x534c4d4d;
const VERSION = 1;
const HEADER_BYTES = 48;
const RANDOM_AT = 16;
const RANDOM_BYTES = 16;

export const learnerStateBytes = (parameters: number): number => HEADER_BYTES + 8 * parameters;

export function encodeLearnerState(state: LearnerState): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(learnerStateBytes(state.residual.length));
  writeLearnerState(state, bytes);
  return bytes;
}

/** The same into memory of the right size, in which residual and velocity may lie already. */
export function writeLearnerState(state: LearnerState, bytes: Uint8Array): void {
  const { buffer, byteOffset, length } = bytes;
  const parameters = state.residual.length;
  const view = new DataView(buffer, byteOffset, length);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, VERSION, true);
  view.setUint32(8, parameters, true);
  bytes.set(state.random, RANDOM_AT);
  view.setBigUint64(32, BigInt(state.rounds), true);
  view.setBigUint64(40, BigInt(state.steps), true);
  put(state.residual, residualIn(bytes, parameters));
  put(state.velocity, new Float32Array(buffer, byteOffset + HEADER_BYTES + 4 * parameters, parameters));
}

function put(values: Float32Array, place: Float32Array): void {
  const isThere = values.buffer === place.buffer && values.byteOffset === place.byteOffset;
  if (!isThere) place.set(values);
}

/** What is wrong with these bytes for a model of `parameters` values, or `undefined`. */
export function checkLearnerState(bytes: Uint8Array, parameters: number): string | undefined {
  const size = HEADER_BYTES + 8 * parameters;
  if (bytes.length !== size) return `it has ${bytes.length} bytes, this model needs ${size}`;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0, true) !== MAGIC) return 'it does not begin like one';
  if (view.getUint32(4, true) !== VERSION) return `its version is ${view.getUint32(4, true)}, not ${VERSION}`;
  if (view.getUint32(8, true) !== parameters) return 'it is of another model';
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  const values = new Float32Array(aligned.buffer, aligned.byteOffset + HEADER_BYTES, 2 * parameters);
  if (!isFiniteVector(values)) return 'it holds a value that is not finite';
  return undefined;
}

/** The residual in bytes that `encodeLearnerState` has written here: a view of them, nothing is checked. */
export function residualIn({ buffer, byteOffset }: Uint8Array, parameters: number): Float32Array {
  return new Float32Array(buffer, byteOffset + HEADER_BYTES, parameters);
}

/** Throws a LearningError where `checkLearnerState` finds something. Copies. */
export function decodeLearnerState(bytes: Uint8Array, parameters: number): LearnerState {
  const reason = checkLearnerState(bytes, parameters);
  if (reason !== undefined) {
    const text = `the stored training state cannot be used: ${reason}; restore another checkpoint`;
    throw new LearningError('MELDMESH_LEARNING_STATE', text);
  }
  return viewLearnerState(bytes.slice(), parameters);
}

/** The same without a look at what it says: residual and velocity are views of these bytes, which begin at a multiple of 4. */
export function viewLearnerState(bytes: Uint8Array, parameters: number): LearnerState {
  const { buffer, byteOffset, length } = bytes;
  const view = new DataView(buffer, byteOffset, length);
  return {
    random: bytes.slice(RANDOM_AT, RANDOM_AT + RANDOM_BYTES),
    rounds: Number(view.getBigUint64(32, true)),
    steps: Number(view.getBigUint64(40, true)),
    residual: residualIn(bytes, parameters),
    velocity: new Float32Array(buffer, byteOffset + HEADER_BYTES + 4 * parameters, parameters),
  };
}
