// A checker watches a simulation from outside and says in one sentence what must never be. It changes nothing.

import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';

export interface Violation {
  /** Name of the checker. */
  readonly checker: string;
  readonly text: string;
  /** The peers concerned, whose last trace lines explain it. */
  readonly peers: readonly SimPeer[];
}

/** What a checker answers with: `undefined` while all is well. */
export type Finding = { readonly text: string; readonly peers: readonly SimPeer[] } | undefined;

export interface Checker {
  readonly name: string;
  /** After a peer has reached or corrected a generation. */
  onGeneration?(
    peer: SimPeer,
    detail: { readonly generation: number; readonly digest: string; readonly corrected: boolean },
  ): Finding;
  /** Every so often, and once at the end. */
  check?(simulation: SimulationView, isEnd: boolean): Finding;
}
