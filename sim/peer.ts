// One simulated peer: the machines of `protocols/` over simulated ports. Its disk, its key and its place in the world
// outlive its machines, which may be killed and started again.
import assert from 'node:assert/strict';
import { codecNamed, layoutOf } from '../fusion/index.ts';
import {
  type Blobs,
  createDeltaSet,
  createLocalFusion,
  createTransfer,
  type DeltaSet,
  type DeltaSetListener,
  type Fusion,
  type Hash,
  type Inspect,
  type Manifest,
  type Network,
  type PeerId,
  type PortEvent,
  type Ports,
  type RankOf,
  type Signer,
  type Transfer,
} from '../protocols/index.ts';
import { type ClockDrift, simClock } from './clock.ts';
import { SimDisk } from './disk.ts';
import { createSharedFusion, type SharedStates } from './fusion-shared.ts';
import { hashOf } from './hash.ts';
import type { InternTable } from './intern-table.ts';
import { traceJournal } from './journal.ts';
import { SimLearner } from './learners/sim-learner.ts';
import { giveBackMemory } from './learners/state-memory.ts';
import type { RoundWork } from './learners/work.ts';
import type { Endpoint } from './network/endpoint.ts';
import type { SimNetwork } from './network/sim-network.ts';
import type { World } from './world.ts';

export interface PeerOptions {
  readonly world: World;
  readonly network: SimNetwork;
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly signer: Signer;
  /** The model of generation 0. It is only read. */
  readonly initialModel: () => Float32Array;
  /** Made anew for each life; what it has to know of the last one it hears by `restore`. */
  readonly work: () => RoundWork;
  readonly roundMs: () => number;
  readonly drift?: ClockDrift;
  /** Where equal values of many disks are kept once. */
  readonly values?: InternTable;
  readonly generationsMax?: number;
  readonly waitForPeers?: number;
  readonly observer: PeerObserver;
  /** States that many peers share; absent: this one computes its own. */
  readonly states?: SharedStates;
  /** Looks at messages for many peers at once. */
  readonly inspect?: Inspect;
  readonly rankOf?: RankOf;
  /** Ports as an attacker bends them, or as a watcher looks through them. */
  readonly bend?: (ports: Ports) => Ports;
  /** The same for what others reach. */
  readonly bendEndpoint?: (endpoint: Endpoint) => Endpoint;
}

/** What the world outside is told of a peer, at once and in order. */
export interface PeerObserver {
  /** A new life begins: its disk is as the last one left it. */
  started(peer: SimPeer): void;
  /** Its life has ended. */
  killed(peer: SimPeer): void;
  generation(peer: SimPeer, detail: Parameters<DeltaSetListener['generation']>[0]): void;
  refused(peer: SimPeer, reason: string): void;
  notice(peer: SimPeer, code: string, text: string): void;
}

export class SimPeer {
  readonly options: PeerOptions;
  readonly disk: SimDisk;
  machine: DeltaSet | undefined;
  fusion: Fusion | undefined;
  #transfer: Transfer | undefined;
  #life = 0;
  #isRetired = false;
  #samples = 0;

  constructor(options: PeerOptions) {
    this.options = options;
    this.disk = new SimDisk({
      defer: (run) => options.world.after(0, run),
      values: options.values,
      onDropped: giveBackMemory,
    });
  }

  get id(): PeerId {
    return this.options.signer.self;
  }

  /** What its records claim. */
  get samples(): number {
    return this.#samples;
  }

  get isAlive(): boolean {
    return this.machine !== undefined;
  }

  get generation(): number {
    return this.machine?.head?.generation ?? 0;
  }

  get digest(): Hash | undefined {
    return this.machine?.head?.model;
  }

  start(): void {
    if (this.isAlive || this.#isRetired) return;
    const { world, network, manifest, meshId, initialModel, generationsMax, waitForPeers } = this.options;
    this.#life += 1;
    const life = this.#life;
    const alive = (run: () => void) => (): void => {
      if (life === this.#life) run();
    };
    world.trace.event(this.id, 'start');
    this.options.observer.started(this);
    this.#transfer = this.#openTransfer(alive);
    const ports = this.#ports(alive, this.#transfer);
    this.machine = createDeltaSet(
      {
        manifest,
        meshId,
        generationsMax,
        waitForPeers,
        expectsPeers: true,
        listener: this.#listener(),
        inspect: this.options.inspect,
        rankOf: this.options.rankOf,
        initialModel,
      },
      this.options.bend?.(ports) ?? ports,
    );
    const { machine, id } = this;
    const transfer = this.#transfer;
    transfer.start();
    machine.start();
    // Its first write may have been its last.
    if (life !== this.#life) return;
    const endpoint: Endpoint = {
      id,
      receive: (from, bytes) => machine.receive(from, bytes),
      serve: (from, call, bytes, respond) =>
        (call === 'sync' ? machine : transfer).serve(from, call, bytes, respond),
      handle: (event) => machine.handle(event),
    };
    network.join(this.options.bendEndpoint?.(endpoint) ?? endpoint);
  }

  /** The process dies, and with it what the disk had not synced but for its first batches. */
  kill(keptBatches = Number.POSITIVE_INFINITY): void {
    if (!this.isAlive) return;
    this.#life += 1;
    this.options.world.trace.event(this.id, 'kill');
    this.options.observer.killed(this);
    this.machine?.stop();
    const transfer = this.#transfer;
    // The power may go in the middle of a call of the machine, which then still runs to its end.
    this.options.world.after(0, () => transfer?.stop());
    this.machine = undefined;
    this.fusion = undefined;
    this.#transfer = undefined;
    this.disk.crash(keptBatches);
    this.options.network.leave(this.id);
  }

  /** Whoever starts it from now on does so in vain. It is dead already. */
  retire(): void {
    assert(!this.isAlive, 'a peer is killed before it is gone for good');
    this.#isRetired = true;
  }

  #listener(): DeltaSetListener {
    const { world, observer } = this.options;
    return {
      generation: (detail) => {
        const text = `${detail.generation} ${detail.digest.slice(0, 12)}`;
        const check = Number.parseInt(detail.digest.slice(0, 8), 16);
        world.trace.event(this.id, 'generation', { bytes: detail.generation, check, text });
        observer.generation(this, detail);
      },
      trained: ({ payloadBytes }) => world.trace.event(this.id, 'trained', { bytes: payloadBytes }),
      refused: (reason) => observer.refused(this, reason),
      notice: (code, text) => {
        world.trace.event(this.id, 'notice', { text: `${code} ${text}` });
        observer.notice(this, code, text);
      },
      settled: () => world.trace.event(this.id, 'settled'),
    };
  }

  #network(deliver: (event: PortEvent) => void): Network {
    return this.options.network.port(this.id, deliver);
  }

  #openTransfer(alive: Alive): Transfer {
    const { world, signer, drift } = this.options;
    const deliver = this.#deliverTo(alive, () => this.#transfer);
    return createTransfer(
      { answer: this.#deliverTo(alive, () => this.machine) },
      {
        network: this.#network(deliver),
        store: this.disk.port(alive1(alive, (event) => this.#transfer?.handle(event))),
        signer,
        clock: simClock(world, { tick: () => this.#transfer?.tick(), alive, drift }),
        journal: traceJournal(world.trace, this.id),
      },
    );
  }

  #ports(alive: Alive, blobs: Blobs): Ports {
    const { world, signer, drift, work, roundMs } = this.options;
    const deliver = this.#deliverTo(alive, () => this.machine);
    const handle = (event: PortEvent): void => this.machine?.handle(event);
    this.fusion = this.#openFusion(alive);
    const rounds = work();
    this.#samples = rounds.samples;
    return {
      network: this.#network(deliver),
      clock: simClock(world, { tick: () => this.machine?.tick(), alive, drift }),
      store: this.disk.port(alive1(alive, handle)),
      blobs,
      learner: new SimLearner({ world, work: rounds, roundMs, alive, deliver: handle }),
      fusion: this.fusion,
      signer,
      random: world.random.fork(`${this.id} ${this.#life}`),
      journal: traceJournal(world.trace, this.id),
    };
  }

  #openFusion(alive: Alive): Fusion {
    const { world, manifest, initialModel, states } = this.options;
    const codec = codecNamed(manifest.codec);
    if (codec === undefined) throw new Error(`no codec ${manifest.codec}`);
    const common = {
      horizon: manifest.history.horizon,
      defer: (run: () => void) => world.after(0, alive(run)),
      deliver: (event: PortEvent) => this.machine?.handle(event),
    };
    if (states !== undefined) return createSharedFusion({ states, ...common });
    return createLocalFusion({
      layout: layoutOf(manifest.model),
      initial: initialModel(),
      codec,
      ...manifest.aggregation,
      hash: hashOf,
      ...common,
    });
  }

  #deliverTo(alive: Alive, target: () => { handle(event: PortEvent): void } | undefined) {
    return (event: PortEvent): void =>
      this.options.world.after(
        0,
        alive(() => target()?.handle(event)),
      );
  }
}

type Alive = (run: () => void) => () => void;

/** The same for a function of one event. */
const alive1 =
  (alive: Alive, handle: (event: PortEvent) => void) =>
  (event: PortEvent): void =>
    alive(() => handle(event))();
