// The delta-set machine: one member of a mesh whose model is a function of the set of deltas that it holds. It
// ties the parts together and owns the phases:
//
//   loading → gathering → catching-up → running ⇄ (train, publish, wait) → done
//
// Receiving a record lets a member conclude only that its author trained; receiving a quorum of a generation lets
// it go on; equal set digests up to a generation mean equal model digests there, on every member.
import { assert, initialWeights, layoutOf } from '../../fusion/index.ts';
import { Alarm } from '../alarm.ts';
import { admittedCodecs, initialSeedOf, type Manifest } from '../manifest/index.ts';
import type { Call, Hash, Machine, PeerId, PortEvent, Ports, Verdict } from '../ports.ts';
import { Tickets } from '../tickets.ts';
import { Adoption } from './adoption.ts';
import {
  CATCH_UP_PATIENCE_MS,
  GATHERING_MS,
  PAYLOAD_CACHE_BYTES,
  SETTLE_MS,
  SYNC_INTERVAL_MS,
} from './constants.ts';
import type { Context, DeltaSetListener } from './context.ts';
import { type Inspect, inspectDelta } from './inspection.ts';
import { Intake } from './intake.ts';
import { load } from './load.ts';
import type { DeltaRecord, Head } from './messages.ts';
import { type HeadState, ModelHead } from './model-head.ts';
import { OwnWork } from './own-work.ts';
import { Pace } from './pace.ts';
import { PayloadCache } from './payload-cache.ts';
import { type RankOf, RecordSet, recordSetOptionsOf } from './record-set.ts';
import { samplesOf } from './rules.ts';
import type { AdoptedState } from './state-copy.ts';
import type { SnapshotRow } from './store-layout.ts';
import { Sync } from './sync.ts';

export interface DeltaSetOptions {
  readonly manifest: Manifest;
  readonly meshId: Hash;
  /** Contribute to generations up to this one; absent: without end. Observers have a learner without samples. */
  readonly generationsMax?: number;
  /** Before the first generation, wait for so many other contributors, a minute at most. */
  readonly waitForPeers?: number;
  /** Others are known to exist: a member waits for their answer before it trains. */
  readonly expectsPeers: boolean;
  readonly listener: DeltaSetListener;
  /** How messages are looked at; absent: `inspectDelta`. */
  readonly inspect?: Inspect;
  /** A memory of ranks that the members of one process share. */
  readonly rankOf?: RankOf;
  /** S of generation 0 where somebody has drawn it already; it is only read. Absent: drawn when it is needed. */
  readonly initialModel?: () => Float32Array;
}

export type Phase = 'loading' | 'gathering' | 'catching-up' | 'running' | 'done';

export interface DeltaSet extends Machine {
  readonly phase: Phase;
  readonly training: boolean;
  /** The newest applied state. */
  readonly head: HeadState | undefined;
  /** Everything known up to the current generation is in that state. */
  readonly inStep: boolean;
  readonly set: RecordSet;
  /** Records accepted whose payload or write is still on its way. */
  readonly pending: number;
  /** Bytes of payloads held in memory. */
  readonly payloadBytes: number;
  /** Records of others added since the start. */
  readonly deltasHeard: number;
}

/** Makes a member. Asserts that the manifest is one that `decodeManifest` accepts. */
export function createDeltaSet(options: DeltaSetOptions, ports: Ports): DeltaSet {
  return new DeltaSetMachine(options, ports);
}

/** A member that is done asks more often until its neighbours agree, one that catches up as fast as it can. */
const DONE_SYNC_INTERVAL_MS = 500;
const CATCH_UP_SYNC_INTERVAL_MS = 100;

class DeltaSetMachine implements DeltaSet {
  readonly #options: DeltaSetOptions;
  readonly #context: Context;
  readonly #alarm: Alarm;
  readonly #intake: Intake;
  readonly #model: ModelHead;
  readonly #own: OwnWork;
  readonly #pace: Pace;
  readonly #sync: Sync;
  readonly #adoption: Adoption;
  #phase: Phase = 'loading';
  #phaseSinceMs = 0;
  /** The last exchange could not bring everything: what there is must be applied to get further. */
  #cutShort = false;
  #reported: Hash | undefined;
  #settled: Hash | undefined;
  #stopped = false;
  #deltasHeard = 0;

  constructor(options: DeltaSetOptions, ports: Ports) {
    const { manifest, meshId, listener } = options;
    const codecs = admittedCodecs(manifest);
    assert(codecs(manifest.codec) !== undefined, `the manifest names a codec that exists: ${manifest.codec}`);
    this.#options = options;
    this.#alarm = new Alarm(ports.clock);
    this.#context = {
      manifest,
      meshId,
      self: ports.network.self,
      codecs,
      layout: layoutOf(manifest.model),
      ports: { ...ports, clock: this.#alarm },
      initialModel: options.initialModel ?? (() => initialWeights(manifest.model, initialSeedOf(meshId))),
      tickets: new Tickets(),
      set: new RecordSet({
        ...recordSetOptionsOf(manifest, meshId, ports.signer.hash),
        rankOf: options.rankOf,
      }),
      payloads: new PayloadCache(PAYLOAD_CACHE_BYTES),
      inspect: options.inspect ?? inspectDelta,
      listener,
    };
    this.#intake = new Intake(this.#context, {
      newestQuorum: () => this.#pace.newestQuorum(),
      added: (record, changedFrom) => this.#added(record, changedFrom),
      evicted: (records) =>
        this.#own.takeBack(records.filter((record) => record.author === ports.network.self)),
    });
    this.#model = new ModelHead(this.#context, {
      advanced: (corrected) => this.#advanced(corrected),
      canWait: () => this.#own.training || this.#hasNoRound(),
    });
    this.#own = new OwnWork(this.#context, {
      current: () => this.#pace.current,
      published: (record) => this.#intake.add(record),
    });
    this.#sync = new Sync(this.#context, this.#intake, {
      head: () => this.#announcedHead(),
      heard: (from, head) => {
        this.#pace.heard(from, head);
        this.#step();
      },
      exchanged: (complete) => this.#exchanged(complete),
    });
    this.#adoption = new Adoption(this.#context, {
      head: () => this.#model.head,
      complete: () => this.#pace.complete,
      snapshots: () => this.#model.snapshots,
      neighbours: () => this.#sync.neighbours,
      unacknowledged: (records) => this.#own.takeBack(records),
      adopt: (state, row) => this.#adopt(state, row),
    });
    this.#pace = new Pace(this.#context, {
      neighbours: () => this.#sync.neighbours,
      ownSamples: (generation) =>
        this.#phase === 'running' && this.#isExpected(generation) ? ports.learner.samples : 0,
    });
  }

  get phase(): Phase {
    return this.#phase;
  }

  get training(): boolean {
    return this.#own.training;
  }

  get head(): HeadState | undefined {
    return this.#model.head;
  }

  get inStep(): boolean {
    return this.#model.inStep;
  }

  get set(): RecordSet {
    return this.#context.set;
  }

  get pending(): number {
    return this.#intake.pending;
  }

  get payloadBytes(): number {
    return this.#context.payloads.bytes;
  }

  get deltasHeard(): number {
    return this.#deltasHeard;
  }

  start(): void {
    load(this.#context, {
      intake: this.#intake,
      model: this.#model,
      own: this.#own,
      ready: (complete) => {
        this.#pace.begin(complete);
        this.#model.advanceTo(complete);
        this.#enter('gathering');
        for (const peer of this.#context.ports.network.peers()) this.#sync.joined(peer);
        this.#step();
      },
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#context.tickets.clear();
  }

  receive(from: PeerId, bytes: Uint8Array): Verdict {
    if (this.#stopped || this.#phase === 'loading') return { act: 'ignore', reason: 'not-ready' };
    return this.#intake.receive(from, bytes);
  }

  serve(from: PeerId, call: Call, bytes: Uint8Array, respond: (bytes: Uint8Array | undefined) => void): void {
    if (this.#stopped || this.#phase === 'loading' || call !== 'sync') return respond(undefined);
    this.#sync.serve(from, bytes, respond);
  }

  handle(event: PortEvent): void {
    if (this.#stopped) return;
    if (event.kind !== 'peers') return this.#context.tickets.resolve(event);
    for (const peer of event.joined) {
      this.#pace.joined(peer);
      if (this.#phase !== 'loading') this.#sync.joined(peer);
    }
    for (const peer of event.left) {
      this.#pace.left(peer);
      this.#sync.left(peer);
    }
    this.#step();
  }

  tick(): void {
    this.#alarm.rang();
    if (this.#stopped || this.#phase === 'loading') return;
    this.#model.retry();
    this.#sync.tick(this.#syncIntervalMs());
    this.#step();
    this.#alarm.wakeAt(this.#alarm.nowMs() + this.#syncIntervalMs());
  }

  #syncIntervalMs(): number {
    if (this.#phase === 'catching-up') return CATCH_UP_SYNC_INTERVAL_MS;
    const unsettled = this.#phase === 'done' && this.#settled !== this.#model.head?.model;
    return unsettled ? DONE_SYNC_INTERVAL_MS : SYNC_INTERVAL_MS;
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#phaseSinceMs = this.#context.ports.clock.nowMs();
    this.#context.ports.journal.event('phase', { phase });
    this.#context.ports.clock.wakeAt(this.#phaseSinceMs + 1);
  }

  #added(record: DeltaRecord, changedFrom: number | undefined): void {
    if (record.author === this.#context.self) this.#own.sawOwn(record);
    else this.#heard(record);
    this.#pace.arrived(record);
    if (changedFrom !== undefined) this.#model.changed(changedFrom);
    this.#step();
  }

  #heard({ author, codec, samples, generation }: DeltaRecord): void {
    this.#deltasHeard += 1;
    const { manifest, listener } = this.#context;
    if (codec === manifest.codec) return;
    const what = `${author} brings a model from elsewhere, of ${samples} samples, into generation ${generation}`;
    listener.notice('FOREIGN_MODEL', what);
  }

  /** Everything that may follow from anything: called after each event, cheap when nothing does. */
  #step(): void {
    if (this.#stopped || this.#phase === 'loading') return;
    if (this.#sync.hasHeardOfSealed) this.#adoption.consider();
    if (this.#phase === 'gathering' && this.#gathered()) this.#enter('catching-up');
    if (this.#phase === 'catching-up' && this.#waitedLongEnough()) this.#run();
    if (this.#isPulling()) return;
    // Until it has caught up, a member only follows what already has a quorum.
    while (this.#pace.advance(this.#phase === 'done' || (this.#phase === 'running' && !this.#own.training)));
    this.#model.advanceTo(this.#pace.complete);
    this.#work();
    this.#settle();
  }

  #gathered(): boolean {
    const contributors = [...this.#sync.neighbours.values()].filter(({ head }) => head.samples > 0).length;
    if (contributors >= (this.#options.waitForPeers ?? 0) || this.#pace.complete > 0) return true;
    return this.#context.ports.clock.nowMs() - this.#phaseSinceMs >= GATHERING_MS;
  }

  #waitedLongEnough(): boolean {
    const waitedMs = this.#context.ports.clock.nowMs() - this.#phaseSinceMs;
    if (!this.#options.expectsPeers && this.#context.ports.network.peers().length === 0) return true;
    return waitedMs >= CATCH_UP_PATIENCE_MS;
  }

  /** In the middle of a history it is too early to apply it: half a generation would be corrected at once. */
  #isPulling(): boolean {
    if (this.#phase !== 'catching-up') return false;
    return this.#intake.pending > 0 || (this.#sync.busy && !this.#cutShort);
  }

  /** One exchange is over; a whole one means that this member knows what its neighbour knows. */
  #exchanged(complete: boolean): void {
    this.#cutShort = !complete;
    if (this.#phase === 'catching-up' && complete && this.#intake.pending === 0 && !this.#adoption.busy)
      this.#run();
    this.#step();
  }

  #run(): void {
    this.#enter(this.#pastLast() ? 'done' : 'running');
  }

  /** An own record of this generation is under way or will be. */
  #isExpected(generation: number): boolean {
    const { generation: newest, training } = this.#own;
    if (newest >= generation) return newest === generation;
    return training || generation !== this.#pace.current || this.#pace.draws();
  }

  /** Not drawn in this generation, or through with it: the newest model is only looked at from outside. */
  #hasNoRound(): boolean {
    if (this.#phase !== 'running') return false;
    return this.#own.generation >= this.#pace.current || !this.#pace.draws();
  }

  #pastLast(): boolean {
    return this.#pace.current > (this.#options.generationsMax ?? Number.POSITIVE_INFINITY);
  }

  #work(): void {
    if (this.#phase === 'running' && this.#pastLast()) this.#enter('done');
    const head = this.#model.head;
    if (this.#phase !== 'running' || head === undefined || !this.#model.inStep || this.#adoption.busy) return;
    if (this.#context.ports.learner.samples === 0 || head.generation !== this.#pace.complete) return;
    if (this.#pace.draws()) this.#own.begin(head);
  }

  #advanced(corrected: boolean): void {
    const head = this.#model.head;
    if (head === undefined || this.#phase === 'loading') return;
    if (this.#model.inStep && head.model !== this.#reported && head.generation > 0) {
      this.#reported = head.model;
      const records = this.#context.set.counted(head.generation);
      this.#options.listener.generation({
        generation: head.generation,
        digest: head.model,
        contributors: records.length,
        samples: samplesOf(records),
        corrected,
      });
    }
    this.#step();
  }

  /** A finished member has settled when all neighbours that are as far agree with it. */
  #settle(): void {
    const head = this.#model.head;
    if (this.#phase !== 'done' || head === undefined || !this.#model.inStep || this.#settled === head.model)
      return;
    const peers = this.#context.ports.network.peers();
    const heads = peers.map((peer) => this.#sync.neighbours.get(peer)?.head);
    const agreeing = heads.filter((other) => other?.model === head.model).length;
    const waitedMs = this.#context.ports.clock.nowMs() - this.#phaseSinceMs;
    const alone = peers.length === 0 && waitedMs >= SETTLE_MS;
    if (!alone && (agreeing === 0 || agreeing < peers.length)) return;
    this.#settled = head.model;
    this.#options.listener.settled({ generation: head.generation, digest: head.model, agreeing });
  }

  #adopt(state: AdoptedState, row: SnapshotRow): void {
    if (state.generation > this.#pace.complete) this.#pace.begin(state.generation);
    this.#model.forget();
    this.#model.remember(row);
    this.#model.adopt(state);
  }

  #announcedHead(): Head {
    const head = this.#model.head;
    const zero = '0'.repeat(64) as Hash;
    return {
      generation: head?.generation ?? 0,
      model: head?.model ?? zero,
      state: head?.state ?? zero,
      samples: this.#phase === 'done' ? 0 : this.#context.ports.learner.samples,
      floor: this.#context.set.floor,
      snapshots: this.#model.namedSnapshots,
    };
  }
}
