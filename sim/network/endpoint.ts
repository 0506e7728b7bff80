// What a link ends at: one life of a peer. The network never looks inside.
import type { Call, PeerId, PortEvent, Verdict } from '../../protocols/index.ts';

export interface Endpoint {
  readonly id: PeerId;
  receive(from: PeerId, bytes: Uint8Array): Verdict;
  serve(from: PeerId, call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void): void;
  handle(event: PortEvent): void;
}

/** Bytes on the wire of one peer, everything counted, by what they were for. */
export interface ByteCounts {
  gossip: number;
  transfer: number;
  control: number;
}
