// Keys and values that the delta-set protocol keeps in the store. Blobs (payloads, own state, snapshots) lie
// under their own keys, see protocols/transfer.
//
//   record/<generation>/<id>   one record as by gossip, without its payload; generation in 10 decimal digits
//   own                        what this author has done: written in one batch with the record it speaks of
//   head                       the newest generation applied, so that a restart resumes at the same digest
//   snapshot/<generation>      where a copy of S and m lies
//   floor                      a state was copied from the mesh: records up to its generation are of no use
import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Hash } from '../ports.ts';

export const RECORD_PREFIX = 'record/';
export const SNAPSHOT_PREFIX = 'snapshot/';
export const OWN_KEY = 'own';
export const HEAD_KEY = 'head';
export const FLOOR_KEY = 'floor';

const padded = (generation: number): string => String(generation).padStart(10, '0');

export const recordKey = (generation: number, id: Hash): string =>
  `${RECORD_PREFIX}${padded(generation)}/${id}`;
export const snapshotKey = (generation: number): string => `${SNAPSHOT_PREFIX}${padded(generation)}`;

/** The author's own memory. `state` is the blob of the learner's state after the round of that generation. */
export interface OwnRow {
  readonly generation: number;
  readonly record: Hash;
  readonly state: Hash;
  /** Own records that lost their weight and are back in the residual. */
  readonly returned: readonly Hash[];
}

/** Own records remembered as returned; older ones lie under the horizon and cannot change any more. */
const RETURNED_MAX = 1_024;

export function encodeOwn(row: OwnRow): Uint8Array {
  const returned = row.returned.slice(-RETURNED_MAX);
  const writer = new ByteWriter().u8(1).u32(row.generation).hash(row.record).hash(row.state);
  writer.varint(returned.length);
  for (const id of returned) writer.hash(id);
  return writer.finish();
}

export function decodeOwn(bytes: Uint8Array): OwnRow | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== 1) return undefined;
  const row = {
    generation: reader.u32(),
    record: reader.hash(),
    state: reader.hash(),
  };
  const count = reader.varint();
  if (count > RETURNED_MAX) return undefined;
  const returned = Array.from({ length: count }, () => reader.hash());
  return reader.complete ? { ...row, returned } : undefined;
}

export interface HeadRow {
  readonly generation: number;
  readonly model: Hash;
  /** Generations up to this one are sealed; there is a copy of it, unless it is 0. */
  readonly sealed: number;
}

export const encodeHeadRow = (row: HeadRow): Uint8Array =>
  new ByteWriter(41).u8(1).u32(row.generation).hash(row.model).u32(row.sealed).finish();

export function decodeHeadRow(bytes: Uint8Array): HeadRow | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== 1) return undefined;
  const row = { generation: reader.u32(), model: reader.hash(), sealed: reader.u32() };
  return reader.complete ? row : undefined;
}

/** A state on disk. `weight` is the samples counted up to its generation. */
export interface SnapshotRow {
  readonly generation: number;
  readonly state: Hash;
  readonly blob: Hash;
  readonly weight: number;
}

export const encodeSnapshotRow = (row: SnapshotRow): Uint8Array =>
  new ByteWriter().u8(1).u32(row.generation).hash(row.state).hash(row.blob).u64(row.weight).finish();

export function decodeSnapshotRow(bytes: Uint8Array): SnapshotRow | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== 1) return undefined;
  const row = { generation: reader.u32(), state: reader.hash(), blob: reader.hash(), weight: reader.u64() };
  return reader.complete ? row : undefined;
}

export const encodeFloor = (generation: number): Uint8Array =>
  new ByteWriter().u8(1).u32(generation).finish();

export function decodeFloor(bytes: Uint8Array): number | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== 1) return undefined;
  const generation = reader.u32();
  return reader.complete ? generation : undefined;
}
