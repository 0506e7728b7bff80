// A whole mesh in one process: peers, network, faults and attackers of a scenario in one virtual world, watched by checkers.
import { codecNamed, createRandom, initialWeights, layoutOf } from '../fusion/index.ts';
import {
  type Hash,
  type Inspect,
  initialSeedOf,
  type Manifest,
  meshIdOf,
  type PeerId,
  parseManifestConfig,
  type RankOf,
  ranking,
  recordSetOptionsOf,
  type Signer,
} from '../protocols/index.ts';
import { Cast, drawAttackers } from './attackers/cast.ts';
import { allCheckers } from './checkers/all.ts';
import { sharedFusion } from './checkers/shared-fusion.ts';
import { Watch } from './checkers/watch.ts';
import { SimError } from './errors.ts';
import { latecomers, peersGone, peersWithoutRoom, quietFromMs, scheduleFaults } from './faults.ts';
import { SharedStates } from './fusion-shared.ts';
import { hashOf } from './hash.ts';
import { sharedInspect, sharedRanks } from './inspect-shared.ts';
import { InternTable } from './intern-table.ts';
import type { RoundWork } from './learners/work.ts';
import { SimNetwork } from './network/sim-network.ts';
import { type PeerObserver, type PeerOptions, SimPeer } from './peer.ts';
import { Recorder } from './recorder.ts';
import type { SimResult } from './result.ts';
import type { AttackerSetting, Scenario } from './scenario.ts';
import { SignerRegistry } from './signer.ts';
import type { SimulationView } from './view.ts';
import { World } from './world.ts';

export interface WorkParts {
  readonly manifest: Manifest;
  readonly seed: string;
  /** For an attacker whose samples have false labels: class c is called classes − 1 − c; a bowl has its optimum on the
   * other side of the origin. */
  readonly hasFalseLabels: boolean;
}

/** What a scenario leaves to its host, because it needs files, keys or a clock. */
export interface SimHost {
  /** The rounds of a member, made anew for each of its lives. */
  readonly work: (peer: number, parts: WorkParts) => RoundWork;
  /** Score of a model on the test data, once for each distinct model; absent: none. */
  readonly evaluate?: (model: Float32Array) => { readonly accuracy: number; readonly loss: number };
  /** Real keys, for comparing with real nodes. Default: ids and signatures of the simulation. */
  readonly signer?: (peer: number) => Signer;
  /** Mean virtual milliseconds of a member's round, its speed aside. Default: the scenario's for everybody. */
  readonly roundMs?: (peer: number) => number;
  /** Is told what peers reach and suffer, as they do. It must change nothing. */
  readonly observer?: Partial<PeerObserver>;
  /** Real milliseconds, for the time that a run took. Default: not measured. */
  readonly nowMs?: () => number;
  /** Called now and then. Virtual time stands still until a promise settles. */
  readonly progress?: (at: {
    readonly virtualMs: number;
    readonly generation: number;
    readonly events: number;
  }) => void | Promise<void>;
  /** Asked after `progress`: true ends the run where it is. */
  readonly isStopped?: () => boolean;
}

/** Checkers that look at the whole world are asked this often. */
const CHECK_MS = 500;
/** From so many peers on, or weights of all their models together, they share states and looks at messages; smaller worlds
 * compute everything themselves. */
const SHARED_FROM_PEERS = 50;
const SHARED_FROM_WEIGHTS = 1_000_000;
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
  readonly honest: readonly SimPeer[];
  /** Shared by all peers of a large world. */
  readonly states: SharedStates | undefined;
  /** When nothing new goes wrong any more. */
  readonly quietFromMs: number;
  readonly #numbers: ReadonlyMap<SimPeer, number>;
  /** The honest ones who are there in the end and can keep what they hear. */
  readonly #able: readonly SimPeer[];
  #laggard: SimPeer | undefined;
  readonly #host: SimHost;
  readonly #recorder: Recorder;
  readonly #watch: Watch;
  #isStopped = false;

  /** Throws a SimError for a manifest or an attacker that does not exist. */
  constructor(scenario: Scenario, host: SimHost) {
    this.scenario = scenario;
    this.#host = host;
    this.quietFromMs = quietFromMs(scenario.faults);
    this.manifest = manifestOf(scenario);
    this.meshId = meshIdOf(this.manifest, hashOf);
    this.world = new World(scenario.seed);
    this.network = new SimNetwork(this.world, scenario.network);
    const settings = drawAttackers(scenario);
    this.attackers = new Map([...settings].map(([peer, { kind }]) => [peer, kind]));
    this.#recorder = new Recorder(this, host.evaluate);
    const { peers } = scenario;
    const weights = peers * layoutOf(this.manifest.model).size;
    if (peers >= SHARED_FROM_PEERS || weights >= SHARED_FROM_WEIGHTS)
      this.states = sharedStatesOf(this.manifest, this.meshId);
    this.#watch = new Watch(
      this,
      this.states === undefined ? allCheckers() : [...allCheckers(), sharedFusion(this.states)],
    );
    const members = new MemberMaker(this, { host, settings, watch: this.#watch });
    this.peers = Array.from({ length: peers }, (_, i) => members.make(i, this.#observer()));
    this.honest = this.peers.filter((_, i) => !this.attackers.has(i));
    this.#numbers = new Map(this.peers.map((peer, i) => [peer, i]));
    const lost = new Set([...peersWithoutRoom(scenario.faults), ...peersGone(scenario.faults)]);
    this.#able = this.honest.filter((peer) => !lost.has(this.numberOf(peer)));
  }

  numberOf(peer: SimPeer): number {
    return this.#numbers.get(peer) ?? -1;
  }

  /**
   * Every honest peer is there, at the last generation, with one digest; but for those whose disk is full and those who
   * were killed for good. False where nobody is left.
   */
  get hasAgreed(): boolean {
    const [first] = this.#able;
    if (first === undefined) return false;
    const agrees = (peer: SimPeer): boolean =>
      peer.isAlive && peer.generation >= this.scenario.end.generations && peer.digest === first.digest;
    // Asked after every event: who did not agree the last time mostly still does not.
    if (this.#laggard !== undefined && !agrees(this.#laggard)) return false;
    this.#laggard = this.#able.find((peer) => !agrees(peer));
    return this.#laggard === undefined;
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
      this.#isStopped ||
      this.#watch.violation !== undefined ||
      (world.nowMs >= this.quietFromMs && this.hasAgreed);
    await world.runUntil(scenario.end.maxMs, isOver);
    if (this.#watch.violation === undefined && !this.#isStopped) this.#watch.check(true);
    const realMs = (this.#host.nowMs?.() ?? 0) - startedMs;
    return this.#recorder.result({
      violation: this.#watch.violation,
      agreed: this.hasAgreed,
      realSeconds: realMs / 1_000,
    });
  }

  async #check(): Promise<void> {
    this.#watch.check(false);
    this.world.after(CHECK_MS, () => this.#check());
    const { nowMs, events } = this.world;
    const generation = Math.max(...this.peers.map((peer) => peer.generation));
    await this.#host.progress?.({ virtualMs: nowMs, generation, events });
    this.#isStopped = this.#host.isStopped?.() ?? false;
  }

  #observer(): PeerObserver {
    const told = this.#host.observer;
    return {
      killed: (peer) => this.#recorder.lane(peer, 'kill'),
      started: (peer) => {
        told?.started?.(peer);
        this.#recorder.lane(peer, 'start');
        this.#watch.started(peer);
      },
      generation: (peer, detail) => {
        told?.generation?.(peer, detail);
        this.#recorder.generation(peer, detail);
        this.#watch.generation(peer, detail);
      },
      refused: (peer, reason) => {
        told?.refused?.(peer, reason);
        this.#recorder.refused(peer, reason);
      },
      notice: (peer, code, text) => {
        told?.notice?.(peer, code, text);
        this.#recorder.notice(peer, code);
        this.#watch.notice(peer, code, text);
      },
    };
  }
}

function sharedStatesOf(manifest: Manifest, meshId: Hash): SharedStates {
  const { codec: name, model, aggregation } = manifest;
  const codec = codecNamed(name);
  if (codec === undefined) throw new SimError('MELDMESH_SIM_SCENARIO', `there is no codec ${name}`);
  const initial = initialWeights(model, initialSeedOf(meshId));
  return new SharedStates({ layout: layoutOf(model), codec, ...aggregation, initial });
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

/** Draws what a member is by nature: its id, its speed, its clock. */
class MemberMaker {
  readonly #simulation: Simulation;
  readonly #host: SimHost;
  readonly #watch: Watch;
  readonly #cast: Cast;
  readonly #inspect: Inspect | undefined;
  readonly #rankOf: RankOf | undefined;
  readonly #registry = new SignerRegistry();
  readonly #values = new InternTable({ copies: false });
  #initial: Float32Array | undefined;
  readonly #signers: readonly Signer[];

  constructor(
    simulation: Simulation,
    parts: {
      readonly host: SimHost;
      readonly settings: ReadonlyMap<number, AttackerSetting>;
      readonly watch: Watch;
    },
  ) {
    const { scenario } = simulation;
    this.#simulation = simulation;
    this.#host = parts.host;
    this.#watch = parts.watch;
    if (simulation.states !== undefined) {
      const { drawnIn, hash } = recordSetOptionsOf(simulation.manifest, simulation.meshId, hashOf);
      this.#inspect = sharedInspect();
      this.#rankOf = sharedRanks(ranking(drawnIn, hash));
    }
    this.#signers = Array.from({ length: scenario.peers }, (_, i) => this.#signerOf(i));
    this.#cast = new Cast(simulation, parts.settings, (i) => this.#signers[i].self);
  }

  make(index: number, observer: PeerObserver): SimPeer {
    const { scenario, world, network, manifest, meshId } = this.#simulation;
    const random = world.random.fork(`peer ${index}`);
    const { speed, slowShare, slowFactor, roundMs, drift } = scenario.compute;
    const factor =
      (speed[0] + random.float() * (speed[1] - speed[0])) / (random.float() < slowShare ? slowFactor : 1);
    const meanMs = this.#host.roundMs?.(index) ?? roundMs;
    const rounds = random.fork('rounds');
    const peer: SimPeer = new SimPeer({
      world,
      network,
      manifest,
      meshId,
      signer: this.#signers[index],
      initialModel: () => this.#initialModel(),
      ...this.#conduct(index, () => peer),
      roundMs: () => (meanMs / factor) * (0.8 + 0.4 * rounds.float()),
      drift: { offsetMs: 0, rate: 1 + drift * (2 * random.float() - 1) },
      generationsMax: scenario.end.generations,
      waitForPeers: Math.min(3, scenario.peers - latecomers(scenario.faults).size - 1),
      values: this.#values,
      observer,
      states: this.#simulation.states,
      rankOf: this.#rankOf,
      // What an attacker makes of a message is nobody else's truth.
      inspect: this.#simulation.attackers.has(index) ? undefined : this.#inspect,
    });
    return peer;
  }

  /** An attacker's work and ports are bent, those of some honest peers are looked through. */
  #conduct(index: number, peer: () => SimPeer): Pick<PeerOptions, 'work' | 'bend' | 'bendEndpoint'> {
    const { manifest, scenario } = this.#simulation;
    const seed = `${scenario.seed} ${index}`;
    const workWith = (hasFalseLabels: boolean) => this.#host.work(index, { manifest, seed, hasFalseLabels });
    const attack = this.#cast.attackOf(index, () => workWith(true));
    const watch = this.#watch;
    if (attack === undefined) {
      if (!watch.follows(index)) return { work: () => workWith(false) };
      return {
        work: () => watch.work(peer, workWith(false)),
        bend: (ports) => watch.ports(peer, ports),
      };
    }
    const { kind, context } = attack;
    return {
      work: () => kind.work?.(workWith(false), context) ?? workWith(false),
      bend: (ports) => kind.ports?.(ports, context) ?? ports,
      bendEndpoint: (endpoint) => kind.endpoint?.(endpoint, context) ?? endpoint,
    };
  }

  /** Drawn once for all: it takes as long as some rounds. */
  #initialModel(): Float32Array {
    const { manifest, meshId, states } = this.#simulation;
    this.#initial ??= states?.initial.values ?? initialWeights(manifest.model, initialSeedOf(meshId));
    return this.#initial;
  }

  #signerOf(index: number): Signer {
    const { scenario } = this.#simulation;
    const id = () => idOf(index, scenario.seed);
    return this.#host.signer?.(index) ?? this.#registry.create(id(), `${scenario.seed} secret ${index}`);
  }
}

/** As long as a real peer id, for the bytes count. */
function idOf(index: number, seed: string): PeerId {
  const random = createRandom(`${seed} id ${index}`);
  const text = Array.from({ length: 40 }, () => BASE58[random.below(58)]).join('');
  return `12D3KooW${text}${String(index).padStart(4, '1')}` as PeerId;
}
