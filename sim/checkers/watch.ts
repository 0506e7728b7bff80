// Puts the checkers where they can see: at what peers say to their observer, at the records that leave them, and at their
// rounds. It wraps ports and work of honest peers and changes nothing that goes through.
import { layoutOf } from '../../fusion/index.ts';
import { decodeDelta, type Ports } from '../../protocols/index.ts';
import { hashOf } from '../hash.ts';
import type { RoundWork } from '../learners/work.ts';
import { bentNetwork } from '../network/bent-network.ts';
import type { SimPeer } from '../peer.ts';
import type { SimulationView } from '../view.ts';
import { allCheckers, type Checker, type Finding, type Violation } from './all.ts';
import type { GenerationSeen } from './checker.ts';

/** Peers whose rounds and records are followed one by one: the same all along, for the books run over their lives. */
const FOLLOWED_MAX = 32;
/** What the sums of training may take, at this many bytes a weight: a float64 sum, and delta and residual of one round. */
const AUDIT_BYTES_MAX = 2 ** 25;
const AUDIT_BYTES = 16;
const AUDITED_MIN = 4;

export class Watch {
  readonly #simulation: SimulationView;
  readonly #checkers: readonly Checker[];
  readonly #followed: ReadonlySet<number>;
  /** Of the followed ones, those whose training is added up. */
  readonly #audited: ReadonlySet<number>;
  #lives = 0;
  #violation: Violation | undefined;

  constructor(simulation: SimulationView, checkers: readonly Checker[] = allCheckers()) {
    this.#simulation = simulation;
    this.#checkers = checkers;
    const followed = drawFollowed(simulation);
    const { size } = layoutOf(simulation.manifest.model);
    const auditedMax = Math.max(AUDITED_MIN, Math.floor(AUDIT_BYTES_MAX / (AUDIT_BYTES * size)));
    this.#followed = new Set(followed);
    // What rots on its disk may cost a member its own work.
    const rotten = new Set(
      simulation.scenario.faults.flatMap((fault) => (fault.kind === 'damage' ? [fault.peer] : [])),
    );
    this.#audited = new Set(followed.filter((peer) => !rotten.has(peer)).slice(0, auditedMax));
  }

  /** The first one found. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  check(isEnd: boolean): void {
    this.#ask((checker) => checker.check?.(this.#simulation, isEnd));
  }

  started(peer: SimPeer): void {
    if (this.#isHonest(peer)) this.#ask((checker) => checker.onStart?.(peer));
  }

  generation(peer: SimPeer, detail: GenerationSeen): void {
    if (this.#isHonest(peer)) this.#ask((checker) => checker.onGeneration?.(peer, detail));
  }

  notice(peer: SimPeer, code: string, text: string): void {
    if (this.#isHonest(peer)) this.#ask((checker) => checker.onNotice?.(peer, { code, text }));
  }

  follows(peer: number): boolean {
    return this.#followed.has(peer);
  }

  /** The work of one life of a followed peer. */
  work(peer: () => SimPeer, work: RoundWork): RoundWork {
    if (!this.#audited.has(this.#simulation.numberOf(peer()))) return work;
    this.#lives += 1;
    const life = this.#lives;
    work.onTrained = (round) => {
      for (const checker of this.#checkers) checker.onTrained?.(peer(), life, round);
    };
    return work;
  }

  /** The ports of a followed peer. */
  ports(peer: () => SimPeer, ports: Ports): Ports {
    const { network } = ports;
    const publish = (bytes: Uint8Array): void => {
      const record = decodeDelta(bytes, hashOf)?.record;
      if (record !== undefined) this.#ask((checker) => checker.onPublished?.(peer(), record));
      network.publish(bytes);
    };
    return { ...ports, network: bentNetwork(network, { publish }) };
  }

  #isHonest(peer: SimPeer): boolean {
    return !this.#simulation.attackers.has(this.#simulation.numberOf(peer));
  }

  #ask(question: (checker: Checker) => Finding): void {
    for (const checker of this.#checkers) {
      const finding = question(checker);
      if (finding !== undefined) this.#violation ??= { checker: checker.name, ...finding };
    }
  }
}

function drawFollowed({ scenario, attackers, world }: SimulationView): readonly number[] {
  const honest = Array.from({ length: scenario.peers }, (_, i) => i).filter((i) => !attackers.has(i));
  if (honest.length <= FOLLOWED_MAX) return honest;
  const random = world.random.fork('followed');
  return Array.from({ length: FOLLOWED_MAX }, () => honest.splice(random.below(honest.length), 1)[0]);
}
