// One training thread as its pool sees it: rounds go in, each with memory for what comes of it, and answers come back.
import { Worker } from 'node:worker_threads';
import { layoutOf } from '../../fusion/index.ts';
import { LearningError } from '../../learning/index.ts';
import { SimError } from '../errors.ts';
import { knowHashes } from '../hash.ts';
import {
  type PoolAnswer,
  type PoolRequest,
  type PoolRound,
  type PoolTrained,
  partsOf,
  type ThreadSettings,
} from './pool-messages.ts';

const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './training-worker.ts' : './training-worker.js',
  import.meta.url,
);

/** One is trained while the next lies ready. */
const SEATS = 2;

/** Shared memory for the model of one round; most rounds start from the model of the one before. */
interface Seat {
  readonly memory: Float32Array;
  holds: Float32Array | undefined;
  isTaken: boolean;
}

interface Waiting {
  readonly request: PoolRequest;
  readonly seat: Seat;
  resolve(trained: PoolTrained): void;
  reject(error: Error): void;
}

export class TrainingThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #settings: ThreadSettings;
  readonly #seats: readonly Seat[];
  readonly #waiting = new Map<number, Waiting>();
  #tickets = 0;
  #fault: SimError | undefined;

  constructor(settings: ThreadSettings) {
    this.#settings = settings;
    const { size } = layoutOf(settings.spec);
    this.#seats = Array.from({ length: SEATS }, () => ({
      memory: new Float32Array(new SharedArrayBuffer(4 * size)),
      holds: undefined,
      isTaken: false,
    }));
    this.#worker = new Worker(workerUrl, { workerData: settings, name: 'meldmesh-sim-training' });
    this.ready = new Promise((resolve, reject) => {
      this.#worker.on('message', (message: PoolAnswer | 'ready') => {
        if (message === 'ready') resolve();
        else this.#receive(message);
      });
      const die = (cause: unknown): void => reject(this.#die(cause));
      this.#worker.on('error', die);
      this.#worker.on('exit', (status) => die(`it ended with status ${status}`));
    });
    // It rejects at the end of every thread; who opens the pool still hears of it.
    this.ready.catch(() => undefined);
  }

  /** Rounds that are not answered yet. */
  get load(): number {
    return this.#waiting.size;
  }

  get hasRoom(): boolean {
    return this.load < SEATS || this.#fault !== undefined;
  }

  /** There must be room. The model and the state of the round stay as they are until the answer. */
  train(round: PoolRound, memory: Uint8Array<SharedArrayBuffer>): Promise<PoolTrained> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    const seat = this.#seatFor(round.model);
    this.#tickets += 1;
    const ticket = this.#tickets;
    const request: PoolRequest = { ticket, round: { ...round, model: seat.memory }, memory };
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { request, seat, resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    await this.#worker.terminate();
  }

  #seatFor(model: Float32Array): Seat {
    const free = this.#seats.filter(({ isTaken }) => !isTaken);
    const seat = free.find(({ holds }) => holds === model) ?? free[0];
    if (seat.holds !== model) seat.memory.set(model);
    seat.holds = model;
    seat.isTaken = true;
    return seat;
  }

  #receive(answer: PoolAnswer): void {
    const waiting = this.#waiting.get(answer.ticket);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.ticket);
    waiting.seat.isTaken = false;
    if ('error' in answer) return waiting.reject(new LearningError(answer.code, answer.error));
    const { memory } = waiting.request;
    knowHashes(memory.buffer, partsOf(memory, this.#settings.hashedBytes), answer.hashes);
    waiting.resolve({ ...answer.trained, state: memory });
  }

  #die(cause: unknown): SimError {
    const reason = cause instanceof Error ? cause.message : String(cause);
    this.#fault ??= new SimError(
      'MELDMESH_SIM_THREAD',
      `a training thread has died (${reason}), and with it the run: give it more memory or use fewer threads`,
      cause,
    );
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
    return this.#fault;
  }
}
