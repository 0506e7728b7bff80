// Every number of the transfer protocol, with its reason.

/** Measured best over noise and yamux on loopback: 431 MiB/s with four in flight. */
export const CHUNK_BYTES = 256 * 1024;

/** One answer: a chunk, or the list of the largest blob, and a status byte. The network port enforces it. */
export const TRANSFER_FRAME_BYTES_MAX = CHUNK_BYTES + 16;

/** A snapshot (S and m) of the largest model that a manifest may describe, and its head. Its list is 128 KiB. */
export const BLOB_BYTES_MAX = 2 ** 30 + 2 ** 20;

/** Asked for and not yet stored, in one fetch; so memory is bounded by us, not by the sender. */
export const CHUNKS_IN_FLIGHT = 4;

/** The same towards one peer over all fetches: more would only queue up on its side. */
export const REQUESTS_PER_PEER_MAX = 4;

/** For one answer, never for a whole fetch: a slow link is not a dead one. */
export const CHUNK_DEADLINE_MS = 10_000;
export const LIST_DEADLINE_MS = 5_000;

/** Fetches that ask peers at one time; the next ones wait in line, first come first served. Two round trips each: over links
 * of a second, four at a time were fewer than eight members make, and the line grew for ever. */
export const PULLS_MAX = 32;

/** … as long as what they may have in flight together stays below this: four large blobs, or many small ones. */
export const PULL_BYTES_MAX = 4 * CHUNKS_IN_FLIGHT * CHUNK_BYTES;

/** … and of these so many may have the same peer as their first source: one that answers just in time, and tells of
 * its records first, would otherwise hold all of them. */
export const PULLS_PER_SOURCE_MAX = 8;

/** Fetches that read the store at one time; they do not wait behind those that ask peers. */
export const READS_MAX = 4;

/** Fetches under way and in line. One more is answered with an error at once. */
export const FETCHES_MAX = 1_024;

/** Chunks read from the store in one go: 2 MiB, hashed in about two milliseconds. */
export const READ_WINDOW = 8;

/** A peer that did not answer rests this long, doubling up to the maximum … */
export const BACKOFF_FIRST_MS = 250;
export const BACKOFF_MAX_MS = 8_000;
/** … and is not asked again in this fetch after so many failures in a row. */
export const FAILURES_MAX = 5;

/** Who took longer for its last answer, or gave none, is asked only where nobody else may have it. */
export const SLOW_ANSWER_MS = 2_500;

/** Who said "I have not got it" is asked again after this time, doubling up to the maximum, so often; or as long as somebody
 * else may still answer. */
export const MISS_PAUSE_MS = 1_000;
export const MISS_PAUSE_MAX_MS = 8_000;
export const MISSES_MAX = 3;

/** After this share of a deadline somebody else is asked too: one that answers just before it, or never, would otherwise hold
 * up a fetch for as long as it likes. */
export const OVERDUE_SHARE = 1 / 2;

/** Answers being read from the store for one peer: twice what a correct one has in flight. */
export const SERVING_PER_PEER_MAX = 8;
/** … and for all: 16 MiB of chunks. Above it the request is refused and the asker goes elsewhere. */
export const SERVING_MAX = 64;
