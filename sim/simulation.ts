// A whole mesh in one process: peers, network, faults and attackers of a scenario in one virtual world, watched by checkers.
import { createRandom } from '../fusion/index.ts';
import {
  type Hash,
  type Manifest,
  meshIdOf,
  type PeerId,
  parseManifestConfig,
  type Signer,
} from '../protocols/index.ts';
import { ATTACKERS, type AttackContext, type AttackerKind } from './attackers/kinds.ts';
import { allCheckers, type Checker, type Finding, type Violation } from './checkers/all.ts';
import { SimError } from './errors.ts';
import { latecomers, quietFromMs, scheduleFaults } from './faults.ts';
import { hashOf } from './hash.ts';
import type { RoundWork } from './learners/work.ts';
import { SimNetwork } from './network/sim-network.ts';
import { type PeerObserver, SimPeer } from './peer.ts';
import { Recorder } from './recorder.ts';
import type { SimResult } from './result.ts';
import type { Scenario } from './scenario.ts';
import { SignerRegistry } from './signer.ts';
import type { SimulationView } from './view.ts';
import { World } from './world.ts';

/** What a scenario leaves to its host, because it needs files, keys or a clock. */
export interface SimHost {
  /** The rounds of a member, made anew for each of its lives. */
  readonly work: (peer: number, parts: { readonly manifest: Manifest; readonly seed: string }) => RoundWork;
  /** Score of a model on the test data, once for each distinct model; absent: none. */
  readonly evaluate?: (model: Float32Array) => { readonly accuracy: number; readonly loss: number };
  /** Real keys, for comparing with real nodes. Default: ids and signatures of the simulation. */
  readonly signer?: (peer: number) => Signer;
  /** Real milliseconds, for the time that a run took. Default: not measured. */
  readonly nowMs?: () => number;
  /** Called now and then. */
  readonly progress?: (at: {
    readonly virtualMs: number;
    readonly generation: number;
    readonly events: number;
  }) => void;
}

/** Checkers that look at the whole world are asked this often. */
const CHECK_MS = 500;
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

export class Simulation implements SimulationView {
  readonly scenario: Scenario;
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly world: World;
  readonly network: SimNetwork;
  readonly peers: readonly SimPeer[];
  /** Kind of each attacker by the peer's number. */
  readonly attackers: ReadonlyMap<number, string>;
  readonly #host: SimHost;
  readonly #recorder: Recorder;
  readonly #checkers: readonly Checker[];
  #violation: Violation | undefined;

  /** Throws a SimError for a manifest or an attacker that does not exist. */
  constructor(scenario: Scenario, host: SimHost) {
    this.scenario = scenario;
    this.#host = host;
    this.manifest = manifestOf(scenario);
    this.meshId = meshIdOf(this.manifest, hashOf);
    this.world = new World(scenario.seed);
    this.network = new SimNetwork(this.world, scenario.network);
    this.attackers = drawAttackers(scenario);
    this.#recorder = new Recorder(this, host.evaluate);
    this.#checkers = allCheckers();
    const members = new MemberMaker(this, host);
    this.peers = Array.from({ length: scenario.peers }, (_, i) => members.make(i, this.#observer()));
  }

  get honest(): readonly SimPeer[] {
    return this.peers.filter((_, i) => !this.attackers.has(i));
  }

  numberOf(peer: SimPeer): number {
    return this.peers.indexOf(peer);
  }

  /** When nothing new goes wrong any more. */
  get quietFromMs(): number {
    return quietFromMs(this.scenario.faults);
  }

  /** Every honest peer is there, at the last generation, with one digest. */
  get hasAgreed(): boolean {
    const { honest } = this;
    const [first] = honest;
    return honest.every(
      (peer) =>
        peer.isAlive && peer.generation >= this.scenario.end.generations && peer.digest === first.digest,
    );
  }

  async run(): Promise<SimResult> {
    const { world, scenario } = this;
    const startedMs = this.#host.nowMs?.() ?? 0;
    const late = latecomers(scenario.faults);
    for (const [i, peer] of this.peers.entries()) {
      // Processes do not start in the same millisecond.
      if (!late.has(i)) world.after(100 * world.random.fork(`start ${i}`).float(), () => peer.start());
    }
    scheduleFaults(this);
    world.after(CHECK_MS, () => this.#check());
    const isOver = (): boolean =>
      this.#violation !== undefined || (world.nowMs >= this.quietFromMs && this.hasAgreed);
    await world.runUntil(scenario.end.maxMs, isOver);
    if (this.#violation === undefined) this.#ask((checker) => checker.check?.(this, true));
    const realMs = (this.#host.nowMs?.() ?? 0) - startedMs;
    return this.#recorder.result({
      violation: this.#violation,
      agreed: this.hasAgreed,
      realSeconds: realMs / 1_000,
    });
  }

  #check(): void {
    this.#ask((checker) => checker.check?.(this, false));
    const { nowMs, events } = this.world;
    const generation = Math.max(...this.peers.map((peer) => peer.generation));
    this.#host.progress?.({ virtualMs: nowMs, generation, events });
    this.world.after(CHECK_MS, () => this.#check());
  }

  #ask(question: (checker: Checker) => Finding): void {
    for (const checker of this.#checkers) {
      const finding = question(checker);
      if (finding !== undefined) this.#violation ??= { checker: checker.name, ...finding };
    }
  }

  #observer(): PeerObserver {
    return {
      generation: (peer, detail) => {
        this.#recorder.generation(peer, detail);
        this.#ask((checker) => checker.onGeneration?.(peer, detail));
      },
      refused: (peer, reason) => this.#recorder.refused(peer, reason),
      notice: (peer, code) => this.#recorder.notice(peer, code),
    };
  }
}

function manifestOf(scenario: Scenario): Manifest {
  const { manifest, problems } = parseManifestConfig({
    name: scenario.name,
    salt: `seed ${scenario.seed}`,
    ...scenario.manifest,
  });
  if (manifest !== undefined) return manifest;
  throw new SimError(
    'MELDMESH_SIM_SCENARIO',
    `the manifest of the scenario cannot be used: ${problems.join('; ')}`,
  );
}

function drawAttackers({ attackers, peers, seed }: Scenario): ReadonlyMap<number, string> {
  const drawn = new Map<number, string>();
  for (const [index, { kind, share, peers: named }] of attackers.entries()) {
    if (!ATTACKERS.has(kind)) {
      const kinds = [...ATTACKERS.keys()].join(', ');
      throw new SimError('MELDMESH_SIM_SCENARIO', `there is no attacker "${kind}"; there are ${kinds}`);
    }
    const random = createRandom(`${seed} attackers ${index}`);
    const free = Array.from({ length: peers }, (_, i) => i).filter((i) => !drawn.has(i));
    const wanted =
      named ??
      Array.from(
        { length: Math.round((share ?? 0) * peers) },
        () => free.splice(random.below(free.length), 1)[0],
      );
    for (const peer of wanted) drawn.set(peer, kind);
  }
  return drawn;
}

/** Draws what a member is by nature: its id, its speed, its clock. */
class MemberMaker {
  readonly #simulation: Simulation;
  readonly #host: SimHost;
  readonly #signers = new SignerRegistry();
  readonly #shared = new Map<string, Map<string, unknown>>();

  constructor(simulation: Simulation, host: SimHost) {
    this.#simulation = simulation;
    this.#host = host;
  }

  make(index: number, observer: PeerObserver): SimPeer {
    const { scenario, world, network, manifest, meshId } = this.#simulation;
    const random = world.random.fork(`peer ${index}`);
    const signer =
      this.#host.signer?.(index) ??
      this.#signers.create(idOf(index, scenario.seed), `${scenario.seed} secret ${index}`);
    const { speed, slowShare, slowFactor, roundMs, drift } = scenario.compute;
    const factor =
      (speed[0] + random.float() * (speed[1] - speed[0])) / (random.float() < slowShare ? slowFactor : 1);
    const rounds = random.fork('rounds');
    const seed = `${scenario.seed} ${index}`;
    const attack = this.#attack(index, signer.self);
    const { kind, context } = attack ?? {};
    return new SimPeer({
      world,
      network,
      manifest,
      meshId,
      signer,
      work: () => {
        const work = this.#host.work(index, { manifest, seed });
        return kind?.work === undefined || context === undefined ? work : kind.work(work, context);
      },
      misbehave:
        kind?.ports === undefined || context === undefined
          ? undefined
          : (ports) => kind.ports?.(ports, context) ?? ports,
      roundMs: () => (roundMs / factor) * (0.8 + 0.4 * rounds.float()),
      drift: { offsetMs: 0, rate: 1 + drift * (2 * random.float() - 1) },
      generationsMax: scenario.end.generations,
      waitForPeers: Math.min(3, scenario.peers - latecomers(scenario.faults).size - 1),
      diskBytesMax: diskLimitOf(scenario, index),
      observer,
    });
  }

  #attack(
    index: number,
    self: PeerId,
  ): { readonly kind: AttackerKind; readonly context: AttackContext } | undefined {
    const { scenario, world, manifest, attackers } = this.#simulation;
    const name = attackers.get(index) ?? '';
    const kind = ATTACKERS.get(name);
    const setting = scenario.attackers.find((each) => each.kind === name);
    if (kind === undefined || setting === undefined) return undefined;
    const shared = this.#shared.get(name) ?? new Map<string, unknown>();
    this.#shared.set(name, shared);
    const accomplices = [...attackers]
      .filter(([, each]) => each === name)
      .map(([i]) => idOf(i, scenario.seed));
    const { fromGeneration, strength } = setting;
    const after = (delayMs: number, run: () => void): void => world.after(delayMs, run);
    const random = world.random.fork(`attacker ${index}`);
    return {
      kind,
      context: { manifest, self, random, fromGeneration, strength, after, accomplices, shared },
    };
  }
}

function diskLimitOf(scenario: Scenario, index: number): number | undefined {
  const fault = scenario.faults.find((each) => each.kind === 'full-disk' && each.peer === index);
  return fault?.kind === 'full-disk' ? fault.bytes : undefined;
}

/** As long as a real peer id, for the bytes count. */
function idOf(index: number, seed: string): PeerId {
  const random = createRandom(`${seed} id ${index}`);
  const text = Array.from({ length: 40 }, () => BASE58[random.below(58)]).join('');
  return `12D3KooW${text}${String(index).padStart(4, '1')}` as PeerId;
}
