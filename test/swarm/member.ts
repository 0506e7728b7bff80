// One member of a swarm: the real machines over simulated ports. Its disk outlives it.
import {
  type Codec,
  codecNamed,
  compressWithFeedback,
  createRandom,
  initialWeights,
  layoutOf,
  takeBack,
} from '../../fusion/index.ts';
import { hashOf } from '../../node/hash.ts';
import {
  type Clock,
  createDeltaSet,
  createLocalFusion,
  createTransfer,
  type DeltaSet,
  type DeltaSetListener,
  type Fusion,
  type Hash,
  initialSeedOf,
  type Journal,
  type Learner,
  type Manifest,
  type PeerId,
  type PortEvent,
  type Ports,
  type RandomSource,
  type Signer,
  type Store,
  type TrainJob,
  type Transfer,
} from '../../protocols/index.ts';
import type { Links } from './links.ts';
import type { World } from './world.ts';

export interface MemberOptions {
  readonly world: World;
  readonly links: Links;
  readonly manifest: Manifest;
  readonly meshId: Hash;
  readonly signer: Signer;
  readonly samples: number;
  readonly trainMs: number;
  /** Where this member's loss has its minimum. */
  readonly optimum: number;
  readonly generationsMax?: number;
  readonly waitForPeers?: number;
}

export class Member {
  readonly options: MemberOptions;
  readonly disk = new Map<string, Uint8Array>();
  readonly notices: string[] = [];
  readonly refused = new Map<string, number>();
  readonly digests = new Map<number, Hash>();
  machine: DeltaSet | undefined;
  transfer: Transfer | undefined;
  #life = 0;

  constructor(options: MemberOptions) {
    this.options = options;
  }

  get id(): PeerId {
    return this.options.signer.self;
  }

  get generation(): number {
    return this.machine?.head?.generation ?? 0;
  }

  get digest(): Hash | undefined {
    return this.machine?.head?.model;
  }

  start(): void {
    const { world, links, manifest, meshId, generationsMax, waitForPeers } = this.options;
    this.#life += 1;
    const life = this.#life;
    const host: Host = {
      member: this,
      alive: (run) => () => {
        if (life === this.#life) run();
      },
      random: world.random.fork(`${this.id} ${life}`),
    };
    this.transfer = transferOf(host);
    this.machine = createDeltaSet(
      { manifest, meshId, generationsMax, waitForPeers, expectsPeers: true, listener: this.#listener() },
      portsOf(host, this.transfer),
    );
    this.transfer.start();
    this.machine.start();
    links.joined(this);
  }

  /** The process dies; the disk stays. */
  kill(): void {
    this.#life += 1;
    this.machine?.stop();
    this.transfer?.stop();
    this.machine = undefined;
    this.transfer = undefined;
    this.options.links.left(this);
  }

  #listener(): DeltaSetListener {
    return {
      generation: ({ generation, digest }) => {
        this.digests.set(generation, digest);
        this.options.world.note(`${this.id.slice(-6)} generation ${generation} ${digest.slice(0, 8)}`);
      },
      trained: () => {},
      refused: (reason) => this.refused.set(reason, (this.refused.get(reason) ?? 0) + 1),
      notice: (code, text) => this.notices.push(`${code} ${text}`),
      settled: () => {},
    };
  }
}

/** One life of a member: what a dead one has asked for is never delivered. */
interface Host {
  readonly member: Member;
  readonly alive: (run: () => void) => () => void;
  readonly random: RandomSource;
}

const deliverTo =
  ({ member, alive }: Host, target: () => { handle(event: PortEvent): void } | undefined) =>
  (event: PortEvent): void =>
    member.options.world.after(
      0,
      alive(() => target()?.handle(event)),
    );

function clockOf({ member, alive }: Host, tick: () => void): Clock {
  const { world } = member.options;
  let wish = 0;
  return {
    nowMs: () => world.nowMs,
    wakeAt: (atMs) => {
      wish += 1;
      const mine = wish;
      world.after(
        atMs - world.nowMs,
        alive(() => {
          if (mine === wish) tick();
        }),
      );
    },
  };
}

/** A member's journal is its lines in the trace of the world. */
export const worldJournal = (world: World, id: PeerId): Journal => ({
  event: (kind, fields) => world.note(`${id.slice(-6)} ${kind} ${Object.values(fields).join(' ')}`),
});

function transferOf(host: Host): Transfer {
  const { member } = host;
  const deliver = deliverTo(host, () => member.transfer);
  return createTransfer(
    { answer: deliverTo(host, () => member.machine) },
    {
      network: member.options.links.port(member, deliver),
      store: diskStore(member.disk, deliver),
      signer: member.options.signer,
      clock: clockOf(host, () => member.transfer?.tick()),
      journal: worldJournal(member.options.world, member.id),
    },
  );
}

function portsOf(host: Host, blobs: Transfer): Ports {
  const { member } = host;
  const { links, manifest, meshId, signer, world } = member.options;
  const deliver = deliverTo(host, () => member.machine);
  const codec = codecNamed(manifest.codec);
  if (codec === undefined) throw new Error('no such codec');
  const answer = (event: PortEvent, delayMs: number): void =>
    world.after(
      delayMs,
      host.alive(() => member.machine?.handle(event)),
    );
  const handle = (event: PortEvent): void => member.machine?.handle(event);
  return {
    network: links.port(member, deliver),
    clock: clockOf(host, () => member.machine?.tick()),
    store: diskStore(member.disk, deliver),
    blobs,
    learner: new BowlLearner(member, codec, answer),
    fusion: worldFusion({ manifest, meshId }, handle, (run) => world.after(0, host.alive(run))),
    signer,
    random: host.random,
    journal: worldJournal(world, member.id),
  };
}

/** The arithmetic of real nodes; `defer` decides when it is done. */
export function worldFusion(
  { manifest, meshId }: Pick<MemberOptions, 'manifest' | 'meshId'>,
  deliver: (event: PortEvent) => void,
  defer: (run: () => void) => void,
): Fusion {
  const codec = codecNamed(manifest.codec);
  if (codec === undefined) throw new Error('no such codec');
  return createLocalFusion({
    layout: layoutOf(manifest.model),
    initial: initialWeights(manifest.model, initialSeedOf(meshId)),
    codec,
    ...manifest.aggregation,
    horizon: manifest.history.horizon,
    hash: hashOf,
    defer,
    deliver,
  });
}

function diskStore(disk: Map<string, Uint8Array>, deliver: (event: PortEvent) => void): Store {
  return {
    write(batch, _sync, ticket) {
      for (const { key, value } of batch) {
        if (value === undefined) disk.delete(key);
        else disk.set(key, value.slice());
      }
      deliver({ kind: 'written', ticket, error: undefined });
    },
    read(keys, ticket) {
      deliver({ kind: 'read', ticket, values: keys.map((key) => disk.get(key)?.slice()), error: undefined });
    },
    scan(prefix, entriesMax, ticket) {
      const keys = [...disk.keys()].filter((key) => key.startsWith(prefix)).sort();
      const entries = keys
        .slice(0, entriesMax)
        .map((key) => ({ key, value: disk.get(key) ?? new Uint8Array() }));
      deliver({ kind: 'scanned', ticket, entries, error: undefined });
    },
  };
}

/** A quadratic bowl around the member's own optimum: the mean of the optima is where the mesh should go. */
export class BowlLearner implements Learner {
  readonly #member: Member;
  readonly #codec: Codec;
  readonly #answer: (event: PortEvent, delayMs: number) => void;
  #residual: Float32Array;

  constructor(member: Member, codec: Codec, answer: (event: PortEvent, delayMs: number) => void) {
    this.#member = member;
    this.#codec = codec;
    this.#answer = answer;
    this.#residual = new Float32Array(layoutOf(member.options.manifest.model).size);
  }

  get samples(): number {
    return this.#member.options.samples;
  }

  train({ ticket, model, generation, takeBack: returned }: TrainJob): void {
    if (this.samples === 0) {
      this.#answer({ kind: 'failed', ticket, error: 'this member has no training data' }, 0);
      return;
    }
    const { world, manifest, optimum, trainMs } = this.#member.options;
    const layout = layoutOf(manifest.model);
    const residual = this.#residual.slice();
    for (const { payload, sign } of returned)
      takeBack({ residual, payload, sign, codec: this.#codec, layout });
    const delta = model.map((value) => 0.2 * (optimum - value));
    const random = createRandom(`${this.#member.id} ${generation}`);
    const { payload } = compressWithFeedback({ delta, residual, codec: this.#codec, layout, random });
    this.#residual = residual;
    const state = new Uint8Array(residual.slice().buffer);
    const delayMs = trainMs * (0.8 + 0.4 * world.random.float());
    this.#answer({ kind: 'trained', ticket, payload, state, loss: 0, steps: 1 }, delayMs);
  }

  evaluate(_model: Float32Array, ticket: number): void {
    this.#answer({ kind: 'evaluated', ticket, accuracy: 0, loss: 0 }, 1);
  }

  restore(state: Uint8Array): void {
    this.#residual = new Float32Array(state.slice().buffer);
  }
}
