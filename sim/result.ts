// What came of a simulation, as plain data: for --json, for the report, and for comparing runs.
import type { Violation } from './checkers/all.ts';
import type { ByteCounts } from './network/endpoint.ts';
import type { Scenario } from './scenario.ts';
import type { TraceLine } from './trace.ts';

export interface PeerResult {
  readonly id: string;
  readonly samples: number;
  /** Kind of attacker; absent: honest. */
  readonly attacker?: string;
  readonly generation: number;
  readonly digest: string | undefined;
  readonly accuracy: number | undefined;
  readonly loss: number | undefined;
  readonly bytesIn: ByteCounts;
  readonly bytesOut: ByteCounts;
  /** Messages refused, by reason. */
  readonly refused: Readonly<Record<string, number>>;
}

/** When a peer first had a generation, in the order in which it happened. */
export interface GenerationRow {
  readonly atMs: number;
  readonly peer: number;
  readonly generation: number;
  readonly digest: string;
  readonly accuracy: number | undefined;
  readonly loss: number | undefined;
  /** All bytes that this peer had received by then. */
  readonly bytesIn: number;
}

/** Something worth a mark on the lane of a peer. */
export interface LaneEvent {
  readonly atMs: number;
  readonly peer: number;
  readonly kind:
    | 'start'
    | 'kill'
    | 'corrected'
    | 'adopted'
    | 'forced'
    | 'returned'
    | 'equivocation'
    | 'write-failed';
}

export interface SimResult {
  readonly scenario: Scenario;
  readonly peers: readonly PeerResult[];
  readonly history: readonly GenerationRow[];
  readonly lanes: readonly LaneEvent[];
  /** Connections at the end, by peer numbers. */
  readonly topology: readonly { readonly a: number; readonly b: number; readonly isGossip: boolean }[];
  readonly violation:
    | (Omit<Violation, 'peers'> & {
        readonly atMs: number;
        readonly peers: readonly string[];
        readonly lines: readonly TraceLine[];
      })
    | undefined;
  /** Whether all honest peers, but for those that were killed for good or have a full disk, ended at the last generation
   * with one digest. */
  readonly agreed: boolean;
  readonly virtualSeconds: number;
  readonly realSeconds: number;
  readonly events: number;
  readonly traceHash: string;
}
