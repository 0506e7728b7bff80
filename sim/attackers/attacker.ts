// An attacker is a peer with a lying learner, or one whose ports lie: the machine between them is the honest one. So every
// attack is a few lines, and none can do what a real process could not.
import type { Random } from '../../fusion/index.ts';
import type { Manifest, PeerId, Ports } from '../../protocols/index.ts';
import type { RoundWork } from '../learners/work.ts';

export interface AttackContext {
  readonly manifest: Manifest;
  readonly self: PeerId;
  /** Of this attacker alone. */
  readonly random: Random;
  readonly fromGeneration: number;
  readonly strength: number | undefined;
  /** In virtual time; for attacks that wait. */
  readonly after: (delayMs: number, run: () => void) => void;
  /** All attackers of this kind in this world, for those that work together. */
  readonly accomplices: readonly PeerId[];
  /** Shared by the accomplices: whatever they tell one another, by name. */
  readonly shared: Map<string, unknown>;
}

export interface AttackerKind {
  readonly name: string;
  /** What it does, and what `strength` means, for people. */
  readonly about: string;
  work?(work: RoundWork, context: AttackContext): RoundWork;
  ports?(ports: Ports, context: AttackContext): Ports;
}
