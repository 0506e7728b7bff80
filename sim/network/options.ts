// What a simulated network is like. All of it comes from a scenario.

export interface NetworkOptions {
  /**
   * Every pair has a latency of its own, drawn once: between these, or so that a twentieth of the pairs is below the
   * first and a twentieth above the second, as the shape says.
   */
  readonly latencyMs: readonly [number, number];
  /** Default `uniform`. */
  readonly latencyShape?: LatencyShape;
  /** A message takes its pair's latency times 1 ± this, so messages overtake one another. */
  readonly jitter: number;
  /** Share of messages over one link that are lost: gossip is heard elsewhere or pulled, a request has no answer. */
  readonly loss: number;
  /** Share of gossip messages that a link delivers twice, the second time up to 5 s later. */
  readonly duplicates: number;
  /** Share of gossip messages that are this much late. Default none. */
  readonly late?: number;
  readonly lateMs?: readonly [number, number];
  /** Of each peer's uplink, or bounds between which it is drawn; absent: without limit. */
  readonly bytesPerSecond?: number | readonly [number, number];
  /** Connections that a peer looks for, and the most that it takes. */
  readonly connections: readonly [number, number];
  /** Gossip neighbours of a peer: it looks for more below the first, drops some above the second. */
  readonly degree: readonly [number, number];
}

export type LatencyShape = 'uniform' | 'lognormal' | 'pareto';
