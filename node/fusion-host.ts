// The `Fusion` port of a node: in this thread while a generation takes a few milliseconds, in a thread of its own
// for larger models. Both do the same arithmetic in the same order.
import { Worker } from 'node:worker_threads';
import { codecNamed, initialWeights, layoutOf } from '../fusion/index.ts';
import {
  createLocalFusion,
  type Fusion,
  type FusionPlan,
  type PortEvent,
  type Ticket,
} from '../protocols/index.ts';
import { MeldError } from './errors.ts';
import type { FusionAnswer, FusionRequest, FusionSettings, SharedSnapshot } from './fusion-messages.ts';
import { hashOf } from './hash.ts';

/** A plan of four generations of so many parameters takes about 20 ms with ten contributors (measured 3 ms a
 * generation for 203,530). */
const LOCAL_PARAMETERS_MAX = 300_000;

/** Snapshots in memory reach back this far at most: corrections reach a few generations. */
const SNAPSHOT_HORIZON_MAX = 64;

const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './fusion-worker.ts' : './fusion-worker.js',
  import.meta.url,
);

export interface StartedFusion extends Fusion {
  /** Ends the thread, if there is one. Safe to call twice. */
  stop(): Promise<void>;
}

/** @throws MeldError MELDMESH_MANIFEST_INVALID for a codec that does not exist */
export function startFusion(options: {
  readonly settings: FusionSettings;
  readonly deliver: (event: PortEvent) => void;
  /** Parameters from which on a thread is used; tests lower it. */
  readonly localParametersMax?: number;
}): StartedFusion {
  const { deliver } = options;
  const horizon = Math.min(options.settings.horizon, SNAPSHOT_HORIZON_MAX);
  const settings = { ...options.settings, horizon };
  const layout = layoutOf(settings.model);
  const codec = codecNamed(settings.codec);
  if (codec === undefined)
    throw new MeldError('MELDMESH_MANIFEST_INVALID', `No codec is called ${settings.codec}`);
  const initial = initialWeights(settings.model, settings.initialSeed);
  if (layout.size > (options.localParametersMax ?? LOCAL_PARAMETERS_MAX)) {
    return new ThreadFusion(settings, initial, deliver);
  }
  let stopped = false;
  const defer = (run: () => void): void => {
    setImmediate(() => {
      if (!stopped) run();
    });
  };
  const local = createLocalFusion({ ...settings, layout, codec, initial, hash: hashOf, defer, deliver });
  return Object.assign(local, {
    stop: async () => {
      stopped = true;
    },
  });
}

/**
 * The thread works in place on shared memory. It has one request at a time, so that between an answer and the
 * next request its memory is at rest; meanwhile readers get a copy of what the last answer left.
 */
class ThreadFusion implements StartedFusion {
  readonly #worker: Worker;
  readonly #deliver: (event: PortEvent) => void;
  /** Where the thread's vectors lie, as of its last answer. */
  #head: SharedSnapshot;
  /** What readers see; a copy of the head while the thread is at work. */
  #visible: SharedSnapshot;
  #snapshots: readonly SharedSnapshot[];
  #current: FusionRequest | undefined;
  readonly #waiting: FusionRequest[] = [];
  #fault: string | undefined;
  #stopped = false;

  constructor(settings: FusionSettings, initial: Float32Array, deliver: (event: PortEvent) => void) {
    this.#deliver = deliver;
    this.#head = { generation: 0, model: initial, momentum: new Float32Array(initial.length) };
    this.#visible = this.#head;
    this.#snapshots = [this.#head];
    this.#worker = new Worker(workerUrl, { workerData: settings, name: 'meldmesh-fusion' });
    this.#worker.on('message', (answer: FusionAnswer) => this.#receive(answer));
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.on('exit', (status) => this.#fail(`it ended with status ${status}`));
    this.#worker.unref();
  }

  fuse(plan: FusionPlan): void {
    this.#ask({ kind: 'fuse', plan });
  }

  adopt(generation: number, model: Float32Array, momentum: Float32Array, ticket: Ticket): void {
    const [S, m] = [model.slice(), momentum.slice()];
    this.#ask({ kind: 'adopt', ticket, generation, model: S, momentum: m });
  }

  model(): Float32Array {
    return this.#visible.model;
  }

  momentum(): Float32Array {
    return this.#visible.momentum;
  }

  snapshotAtOrBelow(generation: number): number | undefined {
    if (generation >= this.#head.generation) return this.#head.generation;
    return this.#snapshots.findLast((snapshot) => snapshot.generation <= generation)?.generation;
  }

  snapshot(generation: number): SharedSnapshot | undefined {
    return this.#snapshots.find((snapshot) => snapshot.generation === generation);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#worker.terminate();
  }

  #ask(request: FusionRequest): void {
    this.#waiting.push(request);
    if (this.#fault === undefined) this.#next();
    else setImmediate(() => this.#failWaiting());
  }

  #next(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) return;
    const { generation, model, momentum } = this.#head;
    this.#visible = { generation, model: model.slice(), momentum: momentum.slice() };
    this.#worker.postMessage(this.#current);
  }

  #receive(answer: FusionAnswer): void {
    if (this.#stopped) return;
    this.#current = undefined;
    this.#head = answer.head;
    this.#visible = answer.head;
    this.#snapshots = answer.snapshots;
    const { ticket, generations, error } = answer;
    this.#deliver(
      generations === undefined
        ? { kind: 'failed', ticket, error: error ?? 'no reason given' }
        : { kind: 'fused', ticket, generations },
    );
    if (this.#fault === undefined) this.#next();
  }

  /** The thread is gone. Its memory is not: readers go on to see the state of the last answer. */
  #fail(text: string): void {
    if (this.#fault !== undefined) return;
    this.#fault = `the fusion thread stopped: ${text}`;
    if (this.#current !== undefined) this.#waiting.unshift(this.#current);
    this.#current = undefined;
    this.#failWaiting();
  }

  #failWaiting(): void {
    const error = this.#fault;
    if (error === undefined || this.#stopped) return;
    for (const request of this.#waiting.splice(0)) {
      const ticket = request.kind === 'fuse' ? request.plan.ticket : request.ticket;
      this.#deliver({ kind: 'failed', ticket, error });
    }
  }
}
