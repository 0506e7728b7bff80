// Real training spread over worker threads. A round goes to a thread at once, while the world goes on; its result is
// awaited when its virtual time has come. Rounds are functions of what they are given, so neither the number of the
// threads nor their speed changes one bit of an outcome.
import { Worker } from 'node:worker_threads';
import { type Dataset, LearningError, shareDataset } from '../../learning/index.ts';
import { SimError } from '../errors.ts';
import type { PoolAnswer, PoolRequest, PoolRound, PoolSettings } from './pool-messages.ts';
import type { TrainedWork } from './work.ts';

export type { PoolSettings } from './pool-messages.ts';

const workerUrl = new URL(
  import.meta.url.endsWith('.ts') ? './training-worker.ts' : './training-worker.js',
  import.meta.url,
);

export interface TrainingPool {
  readonly threads: number;
  /**
   * One member's round. Copies what it is given before it returns. Rejects with a LearningError where the training
   * fails, and with a SimError where a thread has died: then the run cannot be trusted and should end.
   */
  train(round: PoolRound): Promise<TrainedWork>;
  /** Ends the threads; rounds under way are never answered. */
  close(): Promise<void>;
}

/** Starts so many threads, at least one, and waits until all can train. Throws a SimError when one does not start. */
export async function openTrainingPool(
  options: PoolSettings & { readonly threads: number },
): Promise<TrainingPool> {
  const { threads, ...settings } = options;
  const pool = Array.from({ length: Math.max(1, threads) }, () => new TrainingThread(settings));
  try {
    await Promise.all(pool.map((thread) => thread.ready));
  } catch (error) {
    await Promise.all(pool.map((thread) => thread.close()));
    throw error;
  }
  const shared = new WeakMap<Dataset, Dataset>();
  return {
    threads: pool.length,
    train(round) {
      const data = shared.get(round.data) ?? shareDataset(round.data);
      shared.set(round.data, data);
      // The least loaded one, so that members with many samples do not queue up behind one another.
      const thread = pool.reduce((least, each) => (each.load < least.load ? each : least));
      return thread.train({ ...round, data });
    },
    async close() {
      await Promise.all(pool.map((thread) => thread.close()));
    },
  };
}

interface Waiting {
  readonly samples: number;
  resolve(trained: TrainedWork): void;
  reject(error: Error): void;
}

class TrainingThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #tickets = 0;
  #load = 0;
  #fault: SimError | undefined;

  constructor(settings: PoolSettings) {
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

  /** Samples of the rounds that are not answered yet. */
  get load(): number {
    return this.#load;
  }

  train(round: PoolRound): Promise<TrainedWork> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault);
    this.#tickets += 1;
    const ticket = this.#tickets;
    const samples = round.data.count;
    this.#load += samples;
    const { generation, takeBack, data, seed, state } = round;
    // A shared model lies in shared memory, where it moves on while the message is under way.
    const model = round.model.slice();
    const request: PoolRequest = {
      ticket,
      round: { generation, model, takeBack, data, seed, state },
    };
    return new Promise((resolve, reject) => {
      this.#waiting.set(ticket, { samples, resolve, reject });
      this.#worker.postMessage(request, [model.buffer as ArrayBuffer]);
    });
  }

  async close(): Promise<void> {
    this.#waiting.clear();
    await this.#worker.terminate();
  }

  #receive(answer: PoolAnswer): void {
    const waiting = this.#waiting.get(answer.ticket);
    if (waiting === undefined) return;
    this.#waiting.delete(answer.ticket);
    this.#load -= waiting.samples;
    if ('error' in answer) waiting.reject(new LearningError(answer.code, answer.error));
    else waiting.resolve(answer.trained);
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
