// What a simulated network is like. All of it comes from a scenario.

export interface NetworkOptions {
  /** Every pair has a latency of its own, drawn once between these. */
  readonly latencyMs: readonly [number, number];
  /** A message takes its pair's latency times 1 ± this. */
  readonly jitter: number;
  /** Share of messages over one link that are lost: gossip is heard elsewhere or pulled, a request has no answer. */
  readonly loss: number;
  /** Share of gossip messages that a link delivers twice, the second time much later. */
  readonly duplicates: number;
  /** Of each peer's uplink; absent: without limit. */
  readonly bytesPerSecond?: number;
  /** Connections that a peer looks for, and the most that it takes. */
  readonly connections: readonly [number, number];
  /** Gossip neighbours of a peer: it looks for more below the first, drops some above the second. */
  readonly degree: readonly [number, number];
}
