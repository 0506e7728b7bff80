// A checker watches a simulation from outside and says in one sentence what must never be. It changes nothing.
import type { DeltaRecord } from '../../protocols/index.ts';
import type { RoundSeen } from '../learners/work.ts';
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

export interface GenerationSeen {
  readonly generation: number;
  readonly digest: string;
  readonly corrected: boolean;
}

/** All that is seen is of honest peers: what liars do with themselves is their own affair. */
export interface Checker {
  readonly name: string;
  /** Before the machines of a new life do anything: the disk is as the last life left it. */
  onStart?(peer: SimPeer): Finding;
  /** After a peer has reached or corrected a generation. */
  onGeneration?(peer: SimPeer, detail: GenerationSeen): Finding;
  onNotice?(peer: SimPeer, notice: { readonly code: string; readonly text: string }): Finding;
  /**
   * A round was computed, of some peers only. `life` is the number of the life that it belongs to, ascending; where other
   * threads train, it may be told after what a later life has trained.
   */
  onTrained?(peer: SimPeer, life: number, round: RoundSeen): void;
  /** A peer gossips a record of its own, perhaps not for the first time; of some peers only. */
  onPublished?(peer: SimPeer, record: DeltaRecord): Finding;
  /** Every so often, and once at the end. */
  check?(simulation: SimulationView, isEnd: boolean): Finding;
}
