// Pure decisions of the transfer protocol: how a blob is cut and named, and whom to ask next for what.
import { bytesOfText } from '../bytes.ts';
import type { Hash, PeerId, Signer, StoreWrite } from '../ports.ts';
import {
  BACKOFF_FIRST_MS,
  BACKOFF_MAX_MS,
  CHUNK_BYTES,
  CHUNKS_IN_FLIGHT,
  FAILURES_MAX,
  MISS_PAUSE_MAX_MS,
  MISS_PAUSE_MS,
  MISSES_MAX,
} from './constants.ts';
import { type ChunkList, encodeList } from './messages.ts';

const BLOB_DOMAIN = bytesOfText('meldmesh blob 1\n');

/** Key of a blob's list. Where the list is stored, all chunks are. */
export const listKey = (blob: Hash): string => `blob/${blob}`;
/** Key of one chunk. Chunks without a list are an unfinished fetch, or may be swept. */
export const chunkKey = (chunk: Hash): string => `chunk/${chunk}`;

/** One peer as seen from inside one fetch. */
export interface Holder {
  readonly id: PeerId;
  /** Requests in a row that it did not answer. */
  failures: number;
  /** It rests until then. */
  notBeforeMs: number;
  /** Requests of this fetch that it is answering. */
  asked: number;
  /** It sent bytes that do not match their hash. */
  liar: boolean;
  /** What it said it has not got: how often, and until when it is left alone with it. */
  readonly missed: Map<Hash, Missed>;
}

interface Missed {
  readonly times: number;
  readonly untilMs: number;
}

const NEVER_MISSED: Missed = { times: 0, untilMs: 0 };

/** Questions without an answer. */
export interface Asked {
  readonly size: number;
  isAsked(holder: Holder, want: Hash): boolean;
}

/** The part of a fetch that decides what to do next. */
export interface Pull {
  /** In order of preference. */
  readonly holders: readonly Holder[];
  /** Not asked for at this moment, in the order of the blob. */
  readonly wants: readonly Hash[];
  /** Asked for, not overdue and not yet stored. */
  readonly inFlight: number;
  readonly questions: Asked;
}

export type PullStep =
  | { readonly act: 'ask'; readonly want: Hash; readonly holder: Holder }
  | { readonly act: 'wait'; readonly untilMs: number }
  /** An answer under way will bring the next decision. */
  | { readonly act: 'rest' }
  /** Nobody is left who might have what is wanted. */
  | { readonly act: 'exhausted' };

/** Cut into chunks of 256 KiB. The chunks are views of `bytes`. */
export function cutBlob(bytes: Uint8Array): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.subarray(at, at + CHUNK_BYTES));
  return chunks;
}

export function listOf(bytes: Uint8Array, hash: Signer['hash']): ChunkList {
  return { size: bytes.length, chunks: cutBlob(bytes).map((chunk) => hash(chunk)) };
}

/** SHA-256 of "meldmesh blob 1\n", the size as u64 little-endian, and the chunks' hashes. */
export function blobHashOf(list: ChunkList, hash: Signer['hash']): Hash {
  return hash(BLOB_DOMAIN, encodeList(list));
}

/** Chunks first, the list last. */
export function writesOf(bytes: Uint8Array, list: ChunkList, blob: Hash): readonly StoreWrite[] {
  const seen = new Set<Hash>();
  const batch: StoreWrite[] = [];
  for (const [index, value] of cutBlob(bytes).entries()) {
    const chunk = list.chunks[index];
    if (!seen.has(chunk)) batch.push({ key: chunkKey(chunk), value });
    seen.add(chunk);
  }
  batch.push({ key: listKey(blob), value: encodeList(list) });
  return batch;
}

/** Bytes of one chunk: full, but for the last. */
export function chunkLength(list: ChunkList, index: number): number {
  return Math.min(CHUNK_BYTES, list.size - index * CHUNK_BYTES);
}

/** Where each chunk goes; one chunk may be wanted in several places. */
export function placesOf(list: ChunkList): Map<Hash, number[]> {
  const places = new Map<Hash, number[]>();
  for (const [index, chunk] of list.chunks.entries()) {
    const known = places.get(chunk);
    if (known === undefined) places.set(chunk, [index]);
    else known.push(index);
  }
  return places;
}

export function newHolder(id: PeerId): Holder {
  return { id, failures: 0, notBeforeMs: 0, asked: 0, liar: false, missed: new Map() };
}

export const isGivenUp = (holder: Holder): boolean => holder.liar || holder.failures >= FAILURES_MAX;

/** Rest of a peer after so many failures in a row. */
export function backoffMs(failures: number): number {
  return Math.min(BACKOFF_FIRST_MS * 2 ** Math.max(0, failures - 1), BACKOFF_MAX_MS);
}

/** It has not got this one, and is asked for it again later: what others have only now it may have next. */
export function miss({ missed }: Holder, want: Hash, nowMs: number): void {
  const { times } = missed.get(want) ?? NEVER_MISSED;
  const pauseMs = Math.min(MISS_PAUSE_MS * 2 ** times, MISS_PAUSE_MAX_MS);
  missed.set(want, { times: times + 1, untilMs: nowMs + pauseMs });
}

/** What is known of peers beyond one fetch. */
export interface Peers {
  /** Whether one more request may go to this peer now. */
  isFree(peer: PeerId): boolean;
  /** It let us wait the last time. */
  isSlow(peer: PeerId): boolean;
}

/**
 * The first want that some holder may have goes to the one of them that is not slow and answers least for us now; ties
 * go to fewer failures, then to the earlier holder.
 */
export function nextStep(pull: Pull, nowMs: number, peers: Peers): PullStep {
  const { wants, questions } = pull;
  if (wants.length === 0 || pull.inFlight >= CHUNKS_IN_FLIGHT) return { act: 'rest' };
  // As long as one may answer, the others are asked again and again.
  const missesMax = questions.size > 0 ? Number.POSITIVE_INFINITY : MISSES_MAX;
  let awaited = questions.size > 0;
  let earliestMs = Number.POSITIVE_INFINITY;
  for (const want of wants) {
    let best: Holder | undefined;
    for (const holder of pull.holders) {
      if (isGivenUp(holder) || questions.isAsked(holder, want)) continue;
      const { times, untilMs } = holder.missed.get(want) ?? NEVER_MISSED;
      if (times > missesMax) continue;
      const notBeforeMs = Math.max(holder.notBeforeMs, untilMs);
      if (notBeforeMs > nowMs) earliestMs = Math.min(earliestMs, notBeforeMs);
      else if (!peers.isFree(holder.id)) awaited = true;
      else if (best === undefined || isPreferred(holder, best, peers)) best = holder;
    }
    if (best !== undefined) return { act: 'ask', want, holder: best };
  }
  if (earliestMs < Number.POSITIVE_INFINITY) return { act: 'wait', untilMs: earliestMs };
  return { act: awaited ? 'rest' : 'exhausted' };
}

function isPreferred(holder: Holder, other: Holder, { isSlow }: Peers): boolean {
  if (isSlow(holder.id) !== isSlow(other.id)) return isSlow(other.id);
  return holder.asked < other.asked || (holder.asked === other.asked && holder.failures < other.failures);
}

/** Why a fetch found nobody. */
export function reasonOf(holders: readonly Holder[]): string {
  if (holders.length === 0) return 'nobody is connected';
  if (holders.some((holder) => holder.liar)) return 'what the peers have is not it';
  return holders.some((holder) => holder.failures === 0) ? 'nobody has it' : 'nobody answered';
}
