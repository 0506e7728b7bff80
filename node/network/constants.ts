// Every number of the network with its reason. Times are milliseconds, sizes are bytes.

const KIB = 1024;

/** Largest gossip message. A record inlines at most 256 KiB of payload; js gossipsub breaks a pair above 4 MiB. */
export const GOSSIP_BYTES_MAX = 320 * KIB;
/** One frame of a request or a response: a 256 KiB chunk or a page of records, and its header. */
export const FRAME_BYTES_MAX = 320 * KIB + 4 * KIB;
/** A frame being read and the next one; a peer that sends more than that unasked loses its stream. */
export const FRAME_BUFFER_BYTES_MAX = 2 * FRAME_BYTES_MAX;
/** Inbound gossip RPC. Other implementations merge a burst of messages into one frame, so several must fit. */
export const GOSSIP_RPC_BYTES_MAX = 2 * KIB * KIB;
/** Unsent gossip for one slow peer. Above it its stream is cut, and the watchdog makes a new one. */
export const GOSSIP_UNSENT_BYTES_MAX = 8 * KIB * KIB;
/** The receive window must stay below the 4 MiB read buffer, or a paused stream is aborted by its own window. */
export const STREAM_WINDOW_BYTES_MAX = 2 * KIB * KIB;

/**
 * Mesh degree. Copies received are about the mean degree less one. Measured with ten processes that each publish
 * 2.7 KB a second, KiB received a node for ten messages, all counted, mean and worst: low 1 high 3: 32, 37 (but
 * one message in a hundred waits 0.8 s for IHAVE); low 2 high 3: 57, 78; 2 to 4: 71, 89; 3 to 5: 94, 120; 4 to 12: 138, 195.
 */
export const MESH_DEGREE = 3;
export const MESH_DEGREE_LOW = 2;
export const MESH_DEGREE_HIGH = 3;
/** Kept by score when a mesh is cut back; the rest is random, so that no clique forms. */
export const MESH_DEGREE_SCORED = 2;
/** Outbound links kept, against being surrounded by dialling strangers. Must be below `MESH_DEGREE_LOW`. */
export const MESH_DEGREE_OUTBOUND = 1;
/** Peers outside the mesh that are told each heartbeat what we have; two find any hole within seconds. */
export const MESH_DEGREE_LAZY = 2;
export const HEARTBEAT_MS = 1000;
/** "I have it already" costs about 60 bytes a link and saved nothing measurable for messages of 2.7 KB. */
export const IDONTWANT_BYTES_MIN = 16 * KIB;
/** A peer that announced a message may be busy training; the default 3 s calls it a liar. */
export const IWANT_PATIENCE_MS = 12_000;

/** Members to be connected with. Gossip uses `MESH_DEGREE` of them; the rest hear what there is to pull. */
export const PEERS_TARGET = 8;
/** With so many members nobody who was lost is dialled again: half of the connections stay free for others. */
export const REDIAL_MEMBERS_MAX = 48;
/** Connections of any kind. Above it libp2p closes those with the lowest tags. */
export const CONNECTIONS_MAX = 96;
/** Inbound connections a second from one address. libp2p's 5 resets a swarm on one machine or behind one NAT. */
export const INBOUND_CONNECTIONS_PER_SECOND = 64;
export const INBOUND_PENDING_MAX = 64;
export const DIAL_DEADLINE_MS = 8_000;
/** Dials at a time; a burst would make ten processes on one machine shake hands at once. */
export const DIALS_PARALLEL_MAX = 3;
export const REDIAL_MIN_MS = 500;
export const REDIAL_MAX_MS = 60_000;
/** Of two peers that hear of one another the one with the greater id waits, or both would dial. */
export const DIAL_YIELD_MS = 400;
export const MANAGER_TICK_MS = 250;
/** A connection whose owner has not shown itself as a member by then is closed. */
export const STRANGER_GRACE_MS = 12_000;
export const IDENTIFY_DEADLINE_MS = 10_000;
/** Without any member after this long the user is told. */
export const BOOTSTRAP_PATIENCE_MS = 10_000;
/** Value of our tag in libp2p's peer store: members go last when connections are cut back. */
export const MEMBER_TAG_VALUE = 50;

/** Peers of whom addresses are kept, addresses of one peer, and the length of one address as text. */
export const KNOWN_PEERS_MAX = 256;
export const ADDRESSES_PER_PEER_MAX = 8;
export const ADDRESS_CHARS_MAX = 160;
/** A peers answer: members named in it, and its size. */
export const EXCHANGE_PEERS_MAX = 32;
export const EXCHANGE_BYTES_MAX = 4 * KIB;
export const EXCHANGE_DEADLINE_MS = 5_000;
export const EXCHANGE_INTERVAL_MIN_MS = 500;
export const EXCHANGE_INTERVAL_MAX_MS = 30_000;

/** Own requests in flight with one peer, by call: 4 chunks of 256 KiB gave the best throughput measured. */
export const REQUESTS_PER_PEER_MAX = { sync: 2, blob: 4 } as const;
/** Requests waiting or in flight in all; more are answered at once with nothing. */
export const REQUESTS_PENDING_MAX = 1_024;
/** Streams of one protocol on one connection. A little more than we use: a close may arrive after the next open. */
export const STREAMS_PER_CONNECTION_MAX = 16;
/** A peer's requests being served at once. */
export const SERVED_PER_PEER_MAX = 8;
/** Requests a second that one peer may send, and how many at once. 400 chunks a second are 100 MiB. */
export const SERVE_RATE = {
  sync: { perSecond: 50, burst: 100 },
  blob: { perSecond: 400, burst: 800 },
  peers: { perSecond: 2, burst: 20 },
} as const;
/** A request that is not answered by then is refused. */
export const SERVE_DEADLINE_MS = 20_000;
/** The other side's close is waited for this long before a finished stream is cut. */
export const STREAM_LINGER_MS = 2_000;

/** Checks that must find a member's gossip stream missing before its connection is closed: a few heartbeats. */
export const GOSSIP_MISSING_CHECKS = 5;
export const WATCHDOG_TICK_MS = 1_000;
/** The same peer is not reconnected more often than this. */
export const GOSSIP_REPAIR_MIN_MS = 15_000;
/** yamux pings every 30 s both ways, so a live connection is never silent for three of them. */
export const SILENCE_MAX_MS = 95_000;
/** A check that comes this late means that we were blocked: what we missed is no peer's fault. */
export const LATE_CHECK_MS = 2_000;
/** Distinct reasons of refusal that are counted; later ones share one counter. */
export const REFUSAL_REASONS_MAX = 128;
