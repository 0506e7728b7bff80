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
  const later = (event: PortEvent): void => void setImmediate(deliver, event);
  const local = createLocalFusion({ ...settings, layout, codec, initial, hash: hashOf, deliver: later });
  return Object.assign(local, { stop: async () => {} });
}

class ThreadFusion implements StartedFusion {
  readonly #worker: Worker;
  readonly #deliver: (event: PortEvent) => void;
  /** As of the last answer; `#stable` is a copy that nobody writes while the thread is at work. */
  #head: SharedSnapshot;
  #stable: SharedSnapshot;
  #snapshots: readonly SharedSnapshot[] = [];
  #ticket: Ticket | undefined;
  #fault: string | undefined;

  constructor(settings: FusionSettings, initial: Float32Array, deliver: (event: PortEvent) => void) {
    this.#deliver = deliver;
    this.#head = { generation: 0, model: initial, momentum: new Float32Array(initial.length) };
    this.#stable = { ...this.#head, model: initial.slice() };
    this.#worker = new Worker(workerUrl, { workerData: settings, name: 'meldmesh-fusion' });
    this.#worker.on('message', (answer: FusionAnswer) => this.#receive(answer));
    this.#worker.on('error', (error) => this.#fail(error.message));
    this.#worker.unref();
  }

  fuse(plan: FusionPlan): void {
    this.#ask(plan.ticket, { kind: 'fuse', plan });
  }

  adopt(generation: number, model: Float32Array, momentum: Float32Array, ticket: Ticket): void {
    this.#ask(ticket, {
      kind: 'adopt',
      ticket,
      generation,
      model: model.slice(),
      momentum: momentum.slice(),
    });
  }

  model(): Float32Array {
    return this.#ticket === undefined ? this.#head.model : this.#stable.model;
  }

  momentum(): Float32Array {
    return this.#ticket === undefined ? this.#head.momentum : this.#stable.momentum;
  }

  snapshotAtOrBelow(generation: number): number | undefined {
    if (generation >= this.#head.generation) return this.#head.generation;
    return this.#snapshots.findLast((snapshot) => snapshot.generation <= generation)?.generation;
  }

  snapshot(generation: number): SharedSnapshot | undefined {
    return this.#snapshots.find((snapshot) => snapshot.generation === generation);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(ticket: Ticket, request: FusionRequest): void {
    if (this.#fault !== undefined) {
      const error = this.#fault;
      setImmediate(() => this.#deliver({ kind: 'failed', ticket, error }));
      return;
    }
    if (this.#ticket === undefined) {
      this.#stable = {
        generation: this.#head.generation,
        model: this.#head.model.slice(),
        momentum: this.#head.momentum.slice(),
      };
    }
    this.#ticket = ticket;
    this.#worker.postMessage(request);
  }

  #receive(answer: FusionAnswer): void {
    this.#head = answer.head;
    this.#snapshots = answer.snapshots;
    // A state may be adopted while a plan is under way: the thread is at rest after its last answer only.
    if (answer.ticket === this.#ticket) this.#ticket = undefined;
    const { ticket, generations, error } = answer;
    this.#deliver(
      generations === undefined
        ? { kind: 'failed', ticket, error: error ?? 'no reason given' }
        : { kind: 'fused', ticket, generations },
    );
  }

  #fail(text: string): void {
    this.#fault = `the fusion thread stopped: ${text}`;
    const ticket = this.#ticket;
    this.#ticket = undefined;
    if (ticket !== undefined) this.#deliver({ kind: 'failed', ticket, error: this.#fault });
  }
}
