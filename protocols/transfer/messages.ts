// The transfer protocol moves content-addressed bytes of any size, pulled by whoever wants them.
//
//   asker                        holder
//     | -- list of blob H -------> |     size and the chunks' hashes; the asker checks that they hash to H,
//     | <------- found: list ----- |     so a list cannot lie and the size is known before anything is allotted
//     | -- chunk C1, C2, C3, C4 -> |     four at a time, from any holder
//     | <------- found: bytes ---- |     the asker checks that they hash to C
//     | <------- missing --------- |     no fault: the next holder is asked
//
// Request  = kind u8 (1 list, 2 chunk), hash 32 bytes.
// Response = status u8 (0 found, 1 missing), then for found the list or the chunk itself.
// List     = size u64 little-endian, then one 32-byte hash for each 256 KiB begun.
import { ByteReader, ByteWriter } from '../bytes.ts';
import type { Hash } from '../ports.ts';
import { BLOB_BYTES_MAX, CHUNK_BYTES } from './constants.ts';

export interface BlobRequest {
  readonly kind: 'list' | 'chunk';
  readonly hash: Hash;
}

/** What a blob is made of. */
export interface ChunkList {
  /** Bytes of the whole blob. */
  readonly size: number;
  /** SHA-256 of each chunk, in order; all are `CHUNK_BYTES` long but the last. */
  readonly chunks: readonly Hash[];
}

export type BlobResponse =
  | { readonly status: 'found'; readonly body: Uint8Array }
  | { readonly status: 'missing' };

const KIND_LIST = 1;
const KIND_CHUNK = 2;
const STATUS_FOUND = 0;
const STATUS_MISSING = 1;

export function encodeRequest(request: BlobRequest): Uint8Array {
  return new ByteWriter(33)
    .u8(request.kind === 'list' ? KIND_LIST : KIND_CHUNK)
    .hash(request.hash)
    .finish();
}

/** `undefined` for anything malformed. */
export function decodeRequest(bytes: Uint8Array): BlobRequest | undefined {
  const reader = new ByteReader(bytes);
  const kind = reader.u8();
  const hash = reader.hash();
  if (!reader.complete || (kind !== KIND_LIST && kind !== KIND_CHUNK)) return undefined;
  return { kind: kind === KIND_LIST ? 'list' : 'chunk', hash };
}

export function encodeFound(body: Uint8Array): Uint8Array {
  return new ByteWriter(1 + body.length).u8(STATUS_FOUND).fixed(body).finish();
}

export function encodeMissing(): Uint8Array {
  return Uint8Array.of(STATUS_MISSING);
}

/** `undefined` for anything malformed. */
export function decodeResponse(bytes: Uint8Array): BlobResponse | undefined {
  if (bytes[0] === STATUS_FOUND) return { status: 'found', body: bytes.subarray(1) };
  return bytes[0] === STATUS_MISSING && bytes.length === 1 ? { status: 'missing' } : undefined;
}

/** Also the form in which the store keeps it. */
export function encodeList(list: ChunkList): Uint8Array {
  const writer = new ByteWriter(8 + 32 * list.chunks.length).u64(list.size);
  for (const chunk of list.chunks) writer.hash(chunk);
  return writer.finish();
}

/** `undefined` unless the number of hashes fits the size and the size is allowed at all. */
export function decodeList(bytes: Uint8Array): ChunkList | undefined {
  const reader = new ByteReader(bytes);
  const size = reader.u64();
  const count = Math.ceil(size / CHUNK_BYTES);
  if (reader.failed || size > BLOB_BYTES_MAX || reader.remaining !== 32 * count) return undefined;
  return { size, chunks: Array.from({ length: count }, () => reader.hash()) };
}
