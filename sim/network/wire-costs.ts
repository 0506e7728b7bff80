// What things cost on the wire of the real network, in bytes. Measured at the connections of two nodes on loopback
// (TCP, noise, yamux, gossipsub 17) by the counters of `node/network/byte-counts.ts`, which call "gossip" and "transfer"
// what goes through those streams, and "control" all the rest: handshakes, encryption, framing, sync requests.

export interface Cost {
  readonly kind: 'gossip' | 'transfer' | 'control';
  readonly bytes: number;
  /** Framing and the like, counted as control. */
  readonly controlBytes: number;
}

/** Of a gossip message besides its content: author, number, topic, signature, key, lengths. */
export const MESSAGE_BYTES = 247;
/** Lengths take a byte more each from 16 KiB on. */
export const LONG_MESSAGE_BYTES = 3;
export const LONG_FROM_BYTES = 16 * 1024;
/** yamux header, noise length and tag of one frame; a frame holds up to 64 KiB. */
export const FRAME_BYTES = 30;
const FRAME_CONTENT_BYTES = 65_519;
/** An RPC that says SUBSCRIBE or GRAFT: the topic is most of it. */
export const TOPIC_RPC_BYTES = 90;
/** PRUNE says for how long, too. */
export const PRUNE_BYTES = 93;
/** IHAVE with its topic, and IWANT or IDONTWANT without; then each message id. */
export const ANNOUNCEMENT_BYTES = 92;
export const WISH_BYTES = 8;
export const MESSAGE_ID_BYTES = 22;
/**
 * Noise, multistream, identify both ways, the gossip streams and the first words on them, but not the exchange of peers.
 * Two nodes took 1,900; five in processes of their own took so much more for each connection, by the counters of
 * `docs/benchmarks/mesh.json`: they dial one another at the same time, and say again who they are.
 */
export const CONNECTION_BYTES = 3_650;
/** A request and its answer besides their content: a stream opened, negotiated, framed and closed. */
export const REQUEST_BYTES = 266;
export const RESPONSE_BYTES = 240;
/** Of these, what a transfer stream itself carries: length and status. The rest is control. */
export const TRANSFER_FRAME_BYTES = 3;
/** One line of an answer to who else is there, and the most that one holds. */
export const PEER_LINE_BYTES = 81;
export const PEER_LINES_MAX = 32;
/** Ping and window updates of an idle connection, each way. */
export const IDLE_BYTES_PER_SECOND = 2;

/** Encryption and framing of so many bytes that are written at once. */
export function framingOf(bytes: number): number {
  return FRAME_BYTES * Math.ceil(bytes / FRAME_CONTENT_BYTES);
}
