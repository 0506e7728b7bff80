// An attacker is a peer with a lying learner, or one whose ports or connections lie: the machine between them is the
// honest one. So every attack is a few lines, and none can do what a real process could not.
import type { Random } from '../../fusion/index.ts';
import type { Manifest, PeerId, Ports } from '../../protocols/index.ts';
import type { RoundWork } from '../learners/work.ts';
import type { Endpoint } from '../network/endpoint.ts';

export interface AttackContext {
  readonly manifest: Manifest;
  readonly self: PeerId;
  /** Of this attacker alone. */
  readonly random: Random;
  readonly fromGeneration: number;
  readonly strength: number | undefined;
  readonly nowMs: () => number;
  /** In virtual time; for attacks that wait. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** All attackers of this setting in this world, for those that work together. */
  readonly accomplices: readonly PeerId[];
  /** The honest member with the lowest number: who is attacked where one is. */
  readonly victim: PeerId;
  /** Shared by the accomplices: whatever they tell one another, by name. */
  readonly shared: Map<string, unknown>;
  /** Gossip to one neighbour only, of any size; it is heard as if it came to all. */
  readonly whisper: (to: PeerId, bytes: Uint8Array) => void;
  /** Fills the connections of the victim so that it knows these peers only; `undefined` lets go. */
  readonly surround: (victim: PeerId, by: readonly PeerId[] | undefined) => void;
  /** The work of this member on data whose labels are false. */
  readonly falseWork: () => RoundWork;
}

export interface AttackerKind {
  readonly name: string;
  /** What it does, what `strength` means, and how far the mesh withstands it, for people. */
  readonly about: string;
  work?(work: RoundWork, context: AttackContext): RoundWork;
  ports?(ports: Ports, context: AttackContext): Ports;
  /** What others reach of it: gossip that it receives, requests that it serves. */
  endpoint?(endpoint: Endpoint, context: AttackContext): Endpoint;
}
