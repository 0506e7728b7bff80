// Deltas that were once trained, as data: read from what a store holds of a mesh, real or simulated, and kept as JSON:
//
//   { "version": 1, "mesh": "5f0c…", "manifest": { … }, "codec": "top1:1", "members": [
//     { "id": "12D3…", "samples": 6000, "deltas": [ { "generation": 1, "payload": "base64" }, … ] }, … ] }
//
// Members ascend by id and deltas by generation. The mesh decides the model that the first deltas start from, so they mean
// something under its manifest only, which may be left out. How they were trained, and what compression left out, is not
// in it.
import { z } from 'zod';
import {
  blobHashOf,
  chunkKey,
  type DeltaRecord,
  decodeDelta,
  decodeList,
  type Hash,
  listKey,
  type Manifest,
  RECORD_PREFIX,
} from '../../protocols/index.ts';
import { SimError } from '../errors.ts';
import { hashOf } from '../hash.ts';

export interface RecordedMember {
  readonly id: string;
  /** What its newest record claims. */
  readonly samples: number;
  readonly deltas: ReadonlyMap<number, Uint8Array>;
}

export interface Recording {
  readonly mesh: Hash;
  readonly manifest?: Readonly<Record<string, unknown>>;
  readonly codec: string;
  readonly members: readonly RecordedMember[];
}

const fileSchema = z.strictObject({
  version: z.literal(1),
  mesh: z.string().regex(/^[0-9a-f]{64}$/),
  manifest: z.record(z.string(), z.unknown()).optional(),
  codec: z.string(),
  members: z.array(
    z.strictObject({
      id: z.string(),
      samples: z.number().int().min(0),
      deltas: z.array(z.strictObject({ generation: z.number().int().positive(), payload: z.base64() })),
    }),
  ),
});

/**
 * The deltas of every author that these entries of a store, or of several stores of one mesh, hold whole. Throws a SimError
 * where there are none.
 */
export function recordingOf(entries: ReadonlyMap<string, Uint8Array>, manifest?: Manifest): Recording {
  const members = new Map<string, { samples: number; newest: number; deltas: Map<number, Uint8Array> }>();
  let about: Pick<Recording, 'mesh' | 'codec'> | undefined;
  for (const record of recordsOf(entries)) {
    const payload = blobOf(entries, record.payload);
    if (payload === undefined) continue;
    about ??= { mesh: record.mesh, codec: record.codec };
    if (record.codec !== about.codec) throw foreign(record);
    const member = members.get(record.author) ?? { samples: 0, newest: 0, deltas: new Map() };
    members.set(record.author, member);
    // Of two records of an author in one generation, the first by id.
    if (!member.deltas.has(record.generation)) member.deltas.set(record.generation, payload);
    if (record.generation < member.newest) continue;
    member.newest = record.generation;
    member.samples = record.samples;
  }
  if (about === undefined) {
    const text = 'there is no delta in this store to record: take the store of a member that has learnt';
    throw new SimError('MELDMESH_SIM_RECORDING', text);
  }
  const byId = [...members].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    ...about,
    ...(manifest && { manifest }),
    members: byId.map(([id, { samples, deltas }]) => ({ id, samples, deltas })),
  };
}

export function encodeRecording({ mesh, manifest, codec, members }: Recording): string {
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  return JSON.stringify({
    version: 1,
    mesh,
    manifest,
    codec,
    members: members.map(({ id, samples, deltas }) => ({
      id,
      samples,
      deltas: [...deltas]
        .sort(([a], [b]) => a - b)
        .map(([generation, payload]) => ({ generation, payload: base64(payload) })),
    })),
  });
}

/** Throws a SimError for text that is no recording. */
export function parseRecording(text: string): Recording {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw unreadable('it is not JSON', cause);
  }
  const parsed = fileSchema.safeParse(value);
  if (!parsed.success) {
    const [{ path, message }] = parsed.error.issues;
    throw unreadable(`${path.join('.') || 'the file'}: ${message}`, parsed.error);
  }
  const { mesh, manifest, codec, members } = parsed.data;
  const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
  return {
    mesh: mesh as Hash,
    ...(manifest && { manifest }),
    codec,
    members: members.map(({ id, samples, deltas }) => ({
      id,
      samples,
      deltas: new Map(deltas.map(({ generation, payload }) => [generation, bytes(payload)])),
    })),
  };
}

function foreign({ author, generation, codec }: DeltaRecord): SimError {
  const what = `the delta of ${author} in generation ${generation} is encoded by ${codec}, others are not`;
  const text = `${what}: it brought a model from elsewhere; record a mesh without such members`;
  return new SimError('MELDMESH_SIM_RECORDING', text);
}

function unreadable(reason: string, cause: unknown): SimError {
  const text = `the recorded deltas cannot be read: ${reason}; record them again`;
  return new SimError('MELDMESH_SIM_RECORDING', text, cause);
}

function recordsOf(entries: ReadonlyMap<string, Uint8Array>): readonly DeltaRecord[] {
  const keys = [...entries.keys()].filter((key) => key.startsWith(RECORD_PREFIX)).sort();
  return keys.flatMap((key) => {
    const value = entries.get(key);
    const record = value && decodeDelta(value, hashOf)?.record;
    return record === undefined ? [] : [record];
  });
}

/** `undefined` where something of it is missing or damaged. */
function blobOf(entries: ReadonlyMap<string, Uint8Array>, blob: Hash): Uint8Array | undefined {
  const bytes = entries.get(listKey(blob));
  const list = bytes && decodeList(bytes);
  if (list === undefined || blobHashOf(list, hashOf) !== blob) return undefined;
  const chunks = list.chunks.map((chunk) => {
    const value = entries.get(chunkKey(chunk));
    return value !== undefined && hashOf(value) === chunk ? value : new Uint8Array(0);
  });
  const whole = new Uint8Array(Buffer.concat(chunks));
  return whole.length === list.size ? whole : undefined;
}
