// One member of a mesh as a process sees it: opens the store, the network and the learner, ties the machines to
// them, and says what happens as typed events. All decisions are the machines'.
import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { createRandom } from '../fusion/index.ts';
import {
  createDeltaSet,
  createTransfer,
  type DeltaSet,
  type DeltaSetListener,
  encodeInvitation,
  INVITATION_ADDRESSES_MAX,
  initialSeedOf,
  type Manifest,
  type PortEvent,
  type Ticket,
  type Transfer,
} from '../protocols/index.ts';
import type { MeldNode, NodeEvents, NodeOptions, NodeStatus } from './api.ts';
import { createClock, type NodeClock } from './clock.ts';
import { MeldError } from './errors.ts';
import { Evaluations } from './evaluations.ts';
import { failpointOf } from './failpoints.ts';
import { ForeignGuest } from './foreign.ts';
import { forgiving } from './forgiving-learner.ts';
import { type StartedFusion, startFusion } from './fusion-host.ts';
import { type Health, watchHealth } from './health.ts';
import { type Identity, loadIdentity } from './identity.ts';
import { createJournal, type NodeJournal } from './journal.ts';
import type { StartedLearner } from './learner-host.ts';
import { fetchManifest } from './manifest-fetch.ts';
import { findMembership, keepMembership, type Membership } from './membership.ts';
import { createNetwork, type RunningNetwork } from './network/network.ts';
import { NodeEventBus } from './node-events.ts';
import { openOwnLearner } from './own-learner.ts';
import { createSigner } from './signer.ts';
import { type NodeStore, openStore } from './store/level-store.ts';
import { type LimitedStore, limitStore } from './store/store-limit.ts';
import { TicketRouter } from './ticket-router.ts';

/**
 * Opens everything that can fail without a network: the folder, the key, the manifest if it is known. `start`
 * then listens, trains and serves until `stop`.
 * @throws MeldError, NetworkError, DataError, TrainerError with a stable `code`
 */
export async function createNode(options: NodeOptions): Promise<MeldNode> {
  if (options.manifest !== undefined && options.invitation !== undefined) {
    throw new MeldError('MELDMESH_OPTIONS', 'A node takes a manifest or an invitation, not both');
  }
  if (options.trainer?.command.length === 0) {
    throw new MeldError('MELDMESH_OPTIONS', 'The command of a trainer has at least one word');
  }
  await makeFolder(options.store);
  let fail: (error: MeldError) => void = () => undefined;
  const failed = new Promise<MeldError>((resolve) => {
    fail = resolve;
  });
  const store = await openStore({ folder: options.store, onWrite: failpointOf(), onFailure: fail });
  try {
    const membership = await findMembership(options, store);
    const identity = await loadIdentity({ folder: options.store, seed: options.identitySeed });
    return new MeshNode(options, { store, membership, identity, failed });
  } catch (error) {
    await store.close();
    throw error;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (cause) {
    throw new MeldError('MELDMESH_STORE_ACCESS', `The folder ${folder} cannot be made`, cause);
  }
}

interface Opened {
  readonly store: NodeStore;
  readonly membership: Membership;
  readonly identity: Identity;
  /** The store cannot be written any more. */
  readonly failed: Promise<MeldError>;
}

/** What exists once the manifest is known. */
interface Running {
  readonly manifest: Manifest;
  readonly machine: DeltaSet;
  readonly learner: StartedLearner;
  readonly fusion: StartedFusion;
  readonly evaluations: Evaluations;
  readonly limited: LimitedStore;
}

/** Addresses of members met before, for the next start. */
const KNOWN_ADDRESSES_KEY = 'addresses';

class MeshNode implements MeldNode {
  readonly peerId: string;
  readonly failed: Promise<MeldError>;
  readonly #options: NodeOptions;
  readonly #opened: Opened;
  readonly #events = new NodeEventBus();
  readonly #clock: NodeClock = createClock();
  readonly #health: Health = watchHealth();
  readonly #journal: NodeJournal;
  readonly #router = new TicketRouter();
  readonly #refused = new Map<string, number>();
  readonly #startedMs: number;
  #network: RunningNetwork | undefined;
  #transfer: Transfer | undefined;
  #guest: ForeignGuest | undefined;
  #running: Running | undefined;
  #learner: Promise<StartedLearner | undefined> | undefined;
  readonly #closing = new AbortController();
  #lastError: string | undefined;
  #score: { readonly accuracy: number; readonly loss: number } | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: NodeOptions, opened: Opened) {
    this.#options = options;
    this.#opened = opened;
    this.peerId = opened.identity.peerId;
    this.failed = opened.failed;
    this.#startedMs = this.#clock.nowMs();
    this.#journal = createJournal({ folder: options.store });
  }

  on<K extends keyof NodeEvents>(event: K, listener: (detail: NodeEvents[K]) => void): () => void {
    return this.#events.on(event, listener);
  }

  async start(): Promise<void> {
    const { identity, membership } = this.#opened;
    const signer = createSigner(identity);
    // Where the mesh is known, a model that it does not take is refused before anybody is dialled.
    const guest = membership.manifest && (await this.#receiveGuest(membership.manifest));
    const network = await this.#openNetwork();
    this.#network = network;
    const transfer = this.#openTransfer(network, signer);
    this.#transfer = transfer;
    transfer.start();
    // The learner takes a second to load: a founder starts it while the network comes up.
    const learner = membership.manifest && guest && this.#openLearner(membership.manifest, guest);
    await network.start();
    this.#events.emit('listening', { addresses: network.addresses(), invitation: this.invitation() });
    const manifest =
      membership.manifest ??
      (await fetchManifest({ meshId: membership.meshId, network, transfer, events: this.#blobEvents }));
    await keepMembership(this.#opened.store, membership.meshId, manifest);
    const opened = learner ?? this.#openLearner(manifest, await this.#receiveGuest(manifest));
    this.#run(manifest, await opened, signer);
  }

  readonly #blobEvents = new Map<Ticket, (event: PortEvent & { readonly kind: 'blob' }) => void>();

  async #openNetwork(): Promise<RunningNetwork> {
    const { store, membership, identity } = this.#opened;
    const known = await store.get(KNOWN_ADDRESSES_KEY);
    return createNetwork({
      privateKey: identity.privateKey,
      meshId: membership.meshId,
      listen: this.#options.listen ?? ['/ip4/0.0.0.0/tcp/0'],
      announce: this.#options.announce,
      bootstrap: [...membership.addresses, ...(this.#options.bootstrap ?? [])],
      knownAddresses:
        known === undefined ? [] : Buffer.from(known).toString('utf8').split('\n').filter(Boolean),
      mdns: this.#options.mdns,
      receive: (from, bytes) =>
        this.#running?.machine.receive(from, bytes) ?? { act: 'ignore', reason: 'not-ready' },
      serve: (from, call, bytes, respond) => {
        const server = call === 'blob' ? this.#transfer : this.#running?.machine;
        if (server === undefined) respond(undefined);
        else server.serve(from, call, bytes, respond);
      },
      deliver: (event) => {
        this.#router.deliver(event);
        if (event.kind === 'peers')
          this.#events.emit('peers', { connected: this.#network?.port.peers() ?? [] });
      },
      notice: (code, text) => this.#notice(code, text),
    });
  }

  #openTransfer(network: RunningNetwork, signer: ReturnType<typeof createSigner>): Transfer {
    const handle = (event: PortEvent): void => this.#transfer?.handle(event);
    return createTransfer(
      {
        answer: (event) => {
          const waiting = this.#blobEvents.get(event.ticket);
          this.#blobEvents.delete(event.ticket);
          if (waiting !== undefined) waiting(event);
          else this.#running?.machine.handle(event);
        },
      },
      {
        network: this.#router.port(network.port, handle),
        store: this.#opened.store.port(handle),
        signer,
        clock: this.#clock.port(() => this.#transfer?.tick()),
        journal: this.#journal,
      },
    );
  }

  #openLearner(manifest: Manifest, guest: ForeignGuest): Promise<StartedLearner> {
    const learner = openOwnLearner({
      node: this.#options,
      manifest,
      self: this.peerId,
      foreign: guest.model,
      judged: (decision) => guest.decided(decision),
      signal: this.#closing.signal,
      notice: (code, text) => this.#notice(code, text),
      deliver: (event) => this.#learned(event),
    });
    // It may still be starting when the node is stopped.
    this.#learner = learner.catch(() => undefined);
    return learner;
  }

  async #receiveGuest(manifest: Manifest): Promise<ForeignGuest> {
    const guest = await ForeignGuest.receive({
      node: this.#options,
      manifest,
      store: this.#opened.store,
      told: (story) => {
        const { outcome, name, reason } = story;
        this.#journal.event('foreign', { outcome, name, reason });
        this.#events.emit('foreign', story);
      },
    });
    this.#guest = guest;
    return guest;
  }

  #run(manifest: Manifest, learner: StartedLearner, signer: ReturnType<typeof createSigner>): void {
    const { network, transfer } = { network: this.#network, transfer: this.#transfer };
    if (network === undefined || transfer === undefined || this.#stopping !== undefined) return;
    const { membership, store } = this.#opened;
    const handle = (event: PortEvent): void => this.#running?.machine.handle(event);
    const fusion = startFusion({
      settings: {
        model: manifest.model,
        initialSeed: initialSeedOf(membership.meshId),
        codec: manifest.codec,
        ...manifest.aggregation,
        horizon: manifest.history.horizon,
      },
      deliver: handle,
    });
    const limited = limitStore(store, manifest.limits.storeBytes, handle);
    const machine = createDeltaSet(
      {
        manifest,
        meshId: membership.meshId,
        generationsMax: this.#options.generations,
        waitForPeers: this.#options.waitForPeers,
        expectsPeers: membership.addresses.length + (this.#options.bootstrap?.length ?? 0) > 0,
        listener: this.#listener(),
      },
      {
        network: this.#router.port(network.port, handle),
        clock: this.#clock.port(() => machine.tick()),
        store: limited.port,
        blobs: transfer,
        learner: forgiving(learner, (text) => this.#notice('LEARNER_STATE_LOST', text)),
        fusion,
        signer,
        random: createRandom(`${this.peerId} ${this.#options.seed ?? randomBytes(16).toString('hex')}`),
        journal: this.#journal,
      },
    );
    const evaluations = new Evaluations(learner, {
      newest: () => machine.head && { ...machine.head, weights: fusion.model() },
      evaluated: (detail) => {
        this.#score = detail;
        this.#events.emit('evaluated', detail);
      },
      failed: (error) => this.#notice('EVALUATION_FAILED', error),
    });
    this.#running = { manifest, machine, learner, fusion, evaluations, limited };
    machine.start();
  }

  #learned(event: PortEvent): void {
    if (this.#running?.evaluations.handle(event) !== true) this.#running?.machine.handle(event);
  }

  #listener(): DeltaSetListener {
    return {
      generation: (detail) => {
        this.#events.emit('generation', detail);
        if (this.#running?.learner.evaluates === true) this.#running.evaluations.next();
      },
      trained: (detail) => this.#events.emit('trained', detail),
      refused: (reason) => this.#refused.set(reason, (this.#refused.get(reason) ?? 0) + 1),
      notice: (code, text) => this.#notice(code, text),
      settled: (detail) => this.#events.emit('settled', detail),
    };
  }

  #notice(code: string, text: string): void {
    if (/FAILED|FULL|LOST|UNREACHABLE|OLD/.test(code)) this.#lastError = `${code}: ${text}`;
    this.#journal.event('notice', { code, text });
    this.#events.emit('notice', { code, text });
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#close();
    return this.#stopping;
  }

  async #close(): Promise<void> {
    const { store } = this.#opened;
    this.#running?.machine.stop();
    this.#running?.limited.stop();
    this.#transfer?.stop();
    this.#clock.stop();
    const known = this.#network?.knownAddresses() ?? [];
    this.#closing.abort();
    await (await this.#learner)?.stop();
    await this.#running?.fusion.stop();
    await this.#network?.stop();
    if (known.length > 0)
      await store.put(KNOWN_ADDRESSES_KEY, Buffer.from(known.join('\n'))).catch(() => undefined);
    await store.close();
    this.#health.stop();
    this.#journal.close();
  }

  invitation(): string {
    const addresses = this.#network?.addresses() ?? [];
    return encodeInvitation({
      meshId: this.#opened.membership.meshId,
      addresses: addresses.slice(0, INVITATION_ADDRESSES_MAX),
    });
  }

  manifest(): Manifest | undefined {
    return this.#running?.manifest ?? this.#opened.membership.manifest;
  }

  model(): Float32Array {
    return this.#running?.fusion.model().slice() ?? new Float32Array(0);
  }

  status(): NodeStatus {
    const running = this.#running;
    const head = running?.machine.head;
    const counts = this.#network?.byteCounts();
    const none = { gossip: 0, transfer: 0, control: 0 };
    const refused = { ...this.#network?.refusedCounts(), ...Object.fromEntries(this.#refused) };
    return {
      peerId: this.peerId,
      meshId: this.#opened.membership.meshId,
      addresses: this.#network?.addresses() ?? [],
      invitation: this.invitation(),
      backend: running?.learner.backend ?? 'none',
      codec: running?.manifest.codec ?? '',
      observing: (running?.learner.samples ?? 0) === 0,
      generation: head?.generation ?? 0,
      digest: head?.model ?? '',
      samples: running?.learner.samples ?? 0,
      foreign: this.#guest?.story,
      phase: this.#phase(),
      peers: this.#network?.port.peers() ?? [],
      deltasHeard: running?.machine.deltasHeard ?? 0,
      accuracy: this.#score?.accuracy,
      loss: this.#score?.loss,
      bytesIn: counts?.in ?? none,
      bytesOut: counts?.out ?? none,
      refused,
      rssPeakMiB: this.#health.rssPeakMiB(),
      eventLoopDelayP99Ms: this.#health.eventLoopDelayP99Ms(),
      lastError: this.#lastError,
      seconds: (this.#clock.nowMs() - this.#startedMs) / 1000,
    };
  }

  #phase(): NodeStatus['phase'] {
    if (this.#stopping !== undefined) return 'stopped';
    const machine = this.#running?.machine;
    switch (machine?.phase) {
      case undefined:
      case 'loading':
      case 'gathering':
        return 'starting';
      case 'catching-up':
        return 'catching-up';
      case 'done':
        return 'done';
      case 'running':
        return machine.training ? 'training' : 'waiting';
    }
  }
}
