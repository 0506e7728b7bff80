// The bytes of the delta-set protocol; docs/protocol.md shows them one by one. Decoding answers `undefined` for
// anything that the matching encoder would not have written, so one record has exactly one form.
//
//   gossip   delta        one signed record, with its payload when that is small
//   sync     hello        "this is my head, these are my set digests" → the other's head, and the ids of every
//                         generation where it holds something else
//   sync     want         "send me these records" → the same bytes as by gossip
import { ByteReader, ByteWriter, hexOf } from '../bytes.ts';
import type { Hash, PeerId, Signer } from '../ports.ts';
import { RECORD_BYTES_MAX, SYNC_BYTES_MAX, VOTE_BYTES, WANTED_MAX } from './constants.ts';
import { voteFor } from './jury.ts';

const MAGIC = new Uint8Array([0x4d, 0x4d, 0x44, 0x31]); // "MMD1"
const SIGNATURE_BYTES = 64;
const PEER_ID_BYTES_MAX = 128;
const CODEC_BYTES_MAX = 32;
const KIND_DELTA = 1;
const KIND_HELLO = 1;
const KIND_WANT = 2;
const DIGEST_BYTES = 8;

/** What an author signs. `id` is SHA-256 of `header`. */
export interface DeltaRecord {
  readonly id: Hash;
  readonly mesh: Hash;
  readonly author: PeerId;
  /** The author's sequence number too: it signs one record a generation, and two are equivocation. */
  readonly generation: number;
  /** The generation whose model the author trained from, and the digest of that state. */
  readonly baseGeneration: number;
  readonly base: Hash;
  readonly samples: number;
  readonly codec: string;
  readonly payload: Hash;
  readonly payloadBytes: number;
  /** First bytes, in hex, of the ids known of generation − correctionWindow. */
  readonly votes: ReadonlySet<string>;
  /** What votes call this record: the first bytes of its own id. */
  readonly vote: string;
  readonly header: Uint8Array;
  readonly signature: Uint8Array;
}

export type RecordFields = Omit<DeltaRecord, 'id' | 'header' | 'signature' | 'vote' | 'votes'> & {
  readonly votes: readonly string[];
};

function encodeHeader(fields: RecordFields): Uint8Array {
  const writer = new ByteWriter(512)
    .fixed(MAGIC)
    .hash(fields.mesh)
    .text(fields.author)
    .u32(fields.generation)
    .u32(fields.baseGeneration)
    .hash(fields.base)
    .u32(fields.samples)
    .text(fields.codec)
    .hash(fields.payload)
    .u32(fields.payloadBytes);
  // Two authors together can make ids that begin alike: one vote then stands for both.
  const votes = [...new Set(fields.votes)].sort();
  writer.varint(votes.length);
  for (const vote of votes) writer.fixed(Buffer.from(vote, 'hex'));
  return writer.finish();
}

/** Makes and signs a record. */
export function signRecord(fields: RecordFields, signer: Signer): DeltaRecord {
  const header = encodeHeader(fields);
  const id = signer.hash(header);
  const signature = signer.sign(header);
  return { ...fields, votes: new Set(fields.votes), id, vote: voteFor(id), header, signature };
}

function readVotes(reader: ByteReader): readonly string[] {
  const count = reader.varint();
  if (count * VOTE_BYTES !== reader.remaining) reader.fail();
  const votes: string[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    const vote = hexOf(reader.fixed(VOTE_BYTES));
    if (i > 0 && vote <= votes[i - 1]) reader.fail();
    votes.push(vote);
  }
  return votes;
}

function decodeHeader(
  header: Uint8Array,
  signature: Uint8Array,
  hash: Signer['hash'],
): DeltaRecord | undefined {
  const reader = new ByteReader(header);
  if (hexOf(reader.fixed(MAGIC.length)) !== hexOf(MAGIC)) return undefined;
  const fields = {
    mesh: reader.hash(),
    author: reader.text(PEER_ID_BYTES_MAX) as PeerId,
    generation: reader.u32(),
    baseGeneration: reader.u32(),
    base: reader.hash(),
    samples: reader.u32(),
    codec: reader.text(CODEC_BYTES_MAX),
    payload: reader.hash(),
    payloadBytes: reader.u32(),
  };
  const votes = readVotes(reader);
  if (!reader.complete || fields.generation === 0 || fields.baseGeneration >= fields.generation)
    return undefined;
  const id = hash(header);
  return { ...fields, votes: new Set(votes), id, vote: voteFor(id), header, signature };
}

/** A record on its way: by gossip, as an answer to `want`, or in the store. */
export interface DeltaMessage {
  readonly record: DeltaRecord;
  /** Absent when it is too large to travel along; then it is pulled as a blob. */
  readonly payload: Uint8Array | undefined;
}

export function encodeDelta(record: DeltaRecord, payload: Uint8Array | undefined): Uint8Array {
  const writer = new ByteWriter(record.header.length + (payload?.length ?? 0) + SIGNATURE_BYTES + 8)
    .u8(KIND_DELTA)
    .prefixed(record.header)
    .fixed(record.signature)
    .u8(payload === undefined ? 0 : 1);
  if (payload !== undefined) writer.fixed(payload);
  return writer.finish();
}

export function decodeDelta(bytes: Uint8Array, hash: Signer['hash']): DeltaMessage | undefined {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const header = reader.prefixed(RECORD_BYTES_MAX);
  const signature = reader.fixed(SIGNATURE_BYTES);
  const inline = reader.u8();
  if (reader.failed || kind !== KIND_DELTA || inline > 1) return undefined;
  if (inline === 0 && reader.remaining > 0) return undefined;
  const payload = inline === 1 ? reader.rest() : undefined;
  const record = decodeHeader(header, signature, hash);
  return record === undefined ? undefined : { record, payload };
}

/** Where a member stands. Not signed: the stream that it came by is authenticated, and nothing rests on it. */
export interface Head {
  readonly generation: number;
  readonly model: Hash;
  readonly state: Hash;
  /** Samples that this member will contribute to the next generation; 0 for observers and the finished. */
  readonly samples: number;
  /** Generations up to this one are sealed. */
  readonly floor: number;
  /** The newest states that can be pulled as blobs, newest first, at most `SNAPSHOTS_MAX`. */
  readonly snapshots: readonly SnapshotName[];
}

export interface SnapshotName {
  readonly generation: number;
  /** SHA-256 of the blob's bytes: S followed by m, little-endian float32. */
  readonly state: Hash;
  readonly blob: Hash;
  /** Samples counted up to its generation: of two branches the heavier stays. */
  readonly weight: number;
}

/** Two, so that of two branches that stand a little apart one has a state of the other's generation. */
export const SNAPSHOTS_MAX = 2;

function writeHead(writer: ByteWriter, head: Head): ByteWriter {
  writer
    .u32(head.generation)
    .hash(head.model)
    .hash(head.state)
    .u32(head.samples)
    .u32(head.floor)
    .u8(head.snapshots.length);
  for (const { generation, state, blob, weight } of head.snapshots) {
    writer.u32(generation).hash(state).hash(blob).u64(weight);
  }
  return writer;
}

function readHead(reader: ByteReader): Head {
  const head = {
    generation: reader.u32(),
    model: reader.hash(),
    state: reader.hash(),
    samples: reader.u32(),
    floor: reader.u32(),
  };
  const count = reader.u8();
  if (count > SNAPSHOTS_MAX) reader.fail();
  const snapshots: SnapshotName[] = [];
  for (let i = 0; i < count && !reader.failed; i++) {
    snapshots.push({
      generation: reader.u32(),
      state: reader.hash(),
      blob: reader.hash(),
      weight: reader.u64(),
    });
  }
  return { ...head, snapshots };
}

export interface Hello {
  readonly kind: 'hello';
  readonly head: Head;
  /** Set digests of the generations from `first` on, '' where nothing is held. */
  readonly first: number;
  readonly digests: readonly string[];
}

export interface WantedRecord {
  readonly id: Hash;
  readonly generation: number;
}

export interface Want {
  readonly kind: 'want';
  readonly records: readonly WantedRecord[];
}

const EMPTY_DIGEST = '0'.repeat(2 * DIGEST_BYTES);
/** More generations than any horizon in use; a hello is at most some 80 KiB. */
export const DIGESTS_MAX = 10_240;

export function encodeSyncRequest(message: Hello | Want): Uint8Array {
  const writer = new ByteWriter(512);
  if (message.kind === 'hello') {
    writeHead(writer.u8(KIND_HELLO), message.head).u32(message.first).varint(message.digests.length);
    for (const digest of message.digests) writer.fixed(Buffer.from(digest || EMPTY_DIGEST, 'hex'));
  } else {
    writer.u8(KIND_WANT);
    writeWanted(writer, message.records);
  }
  return writer.finish();
}

export function decodeSyncRequest(bytes: Uint8Array): Hello | Want | undefined {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  if (kind === KIND_WANT) {
    const records = readWanted(reader, WANTED_MAX);
    return reader.complete ? { kind: 'want', records } : undefined;
  }
  if (kind !== KIND_HELLO) return undefined;
  const head = readHead(reader);
  const first = reader.u32();
  const count = reader.varint();
  if (count > DIGESTS_MAX || count * DIGEST_BYTES !== reader.remaining) return undefined;
  const digests: string[] = [];
  for (let i = 0; i < count; i++) {
    const digest = hexOf(reader.fixed(DIGEST_BYTES));
    digests.push(digest === EMPTY_DIGEST ? '' : digest);
  }
  return reader.complete ? { kind: 'hello', head, first, digests } : undefined;
}

function writeWanted(writer: ByteWriter, records: readonly WantedRecord[]): void {
  writer.varint(records.length);
  for (const { id, generation } of records) writer.hash(id).u32(generation);
}

function readWanted(reader: ByteReader, countMax: number): readonly WantedRecord[] {
  const count = reader.varint();
  if (count > countMax || count * 36 !== reader.remaining) {
    reader.fail();
    return [];
  }
  return Array.from({ length: count }, () => ({ id: reader.hash(), generation: reader.u32() }));
}

/** The answer to a hello: the other's head and what it holds where the digests differ. */
export interface Welcome {
  readonly head: Head;
  readonly records: readonly WantedRecord[];
}

/** Ids that fit into one answer, beside the head. */
export const WELCOME_RECORDS_MAX = Math.floor((SYNC_BYTES_MAX - 512) / 36);

export function encodeWelcome({ head, records }: Welcome): Uint8Array {
  const writer = writeHead(new ByteWriter(512 + 36 * records.length).u8(KIND_HELLO), head);
  writeWanted(writer, records.slice(0, WELCOME_RECORDS_MAX));
  return writer.finish();
}

export function decodeWelcome(bytes: Uint8Array): Welcome | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== KIND_HELLO) return undefined;
  const head = readHead(reader);
  const records = readWanted(reader, WELCOME_RECORDS_MAX);
  return reader.complete ? { head, records } : undefined;
}

/** The answer to a want: as many of the asked records as fit, in the asked order. */
export function encodeRecords(deltas: readonly Uint8Array[]): Uint8Array {
  const writer = new ByteWriter(4096).u8(KIND_WANT);
  let size = 1;
  for (const delta of deltas) {
    size += delta.length + 4;
    if (size > SYNC_BYTES_MAX) break;
    writer.prefixed(delta);
  }
  return writer.finish();
}

export function decodeRecords(bytes: Uint8Array): readonly Uint8Array[] | undefined {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== KIND_WANT) return undefined;
  const deltas: Uint8Array[] = [];
  while (reader.remaining > 0 && !reader.failed && deltas.length < WANTED_MAX) {
    deltas.push(reader.prefixed(SYNC_BYTES_MAX));
  }
  return reader.complete ? deltas : undefined;
}
