// What faults, checkers and the recorder see of a simulation.
import type { Hash, Manifest } from '../protocols/index.ts';
import type { SimNetwork } from './network/sim-network.ts';
import type { SimPeer } from './peer.ts';
import type { Scenario } from './scenario.ts';
import type { World } from './world.ts';

export interface SimulationView {
  readonly scenario: Scenario;
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly world: World;
  readonly network: SimNetwork;
  readonly peers: readonly SimPeer[];
  /** Kind of each attacker by the peer's number. */
  readonly attackers: ReadonlyMap<number, string>;
  readonly honest: readonly SimPeer[];
  numberOf(peer: SimPeer): number;
  /** When nothing new goes wrong any more. */
  readonly quietFromMs: number;
  /** Every honest peer that can be is there, at the last generation, with one digest. */
  readonly hasAgreed: boolean;
}
