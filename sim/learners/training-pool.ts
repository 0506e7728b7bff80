// Real training spread over worker threads. Rounds are trained in the order in which their results will be heard, a little
// ahead of the world, which waits where it comes first. A round is a function of what it is given, so neither the number
// of the threads nor their speed changes one bit of an outcome.
import { layoutOf } from '../../fusion/index.ts';
import { type Dataset, learnerStateBytes, shareDataset } from '../../learning/index.ts';
import { CHUNK_BYTES } from '../../protocols/index.ts';
import { lasting } from '../frozen.ts';
import type { PoolRound, PoolSettings, PoolTrained } from './pool-messages.ts';
import { StateMemory } from './state-memory.ts';
import { TrainingThread } from './training-thread.ts';
import type { RoundDue } from './work.ts';

export type { PoolSettings } from './pool-messages.ts';

/** What may lie trained before anybody waits for it. */
const AHEAD_BYTES_MAX = 32 * 2 ** 20;
const AHEAD_MIN = 8;

export interface TrainingPool {
  readonly threads: number;
  /**
   * One member's round. Copies what it is given before it returns, but for frozen models, and states, which nobody writes
   * to. Without `due` it is trained at once. Rejects with a LearningError where the training fails, and with a SimError
   * where a thread has died: then the run cannot be trusted and should end.
   */
  train(round: PoolRound, due?: RoundDue): Promise<PoolTrained>;
  /** Ends the threads; rounds under way are never answered. */
  close(): Promise<void>;
}

/** Starts so many threads, at least one, and waits until all can train. Throws a SimError when one does not start. */
export async function openTrainingPool(
  options: PoolSettings & { readonly threads: number },
): Promise<TrainingPool> {
  const { threads: count, ...settings } = options;
  const threads = Array.from(
    { length: Math.max(1, count) },
    () => new TrainingThread({ ...settings, hashedBytes: CHUNK_BYTES }),
  );
  const close = async (): Promise<void> => {
    await Promise.all(threads.map((thread) => thread.close()));
  };
  try {
    await Promise.all(threads.map((thread) => thread.ready));
  } catch (error) {
    await close();
    throw error;
  }
  const line = new Line(threads, learnerStateBytes(layoutOf(settings.spec).size));
  return { threads: threads.length, train: (round, due) => line.train(round, due), close };
}

/** A waiting round holds no model: many peers' may be worked out again. */
const NONE = new Float32Array(0);

interface Job {
  readonly round: PoolRound;
  readonly model: () => Float32Array;
  readonly atMs: number;
  /** Somebody waits for it. */
  isAwaited: boolean;
  /** It lies with a thread, or is done. */
  isBegun: boolean;
  readonly resolve: (trained: Promise<PoolTrained>) => void;
}

/** Rounds on their way to the threads. */
class Line {
  readonly #threads: readonly TrainingThread[];
  readonly #memory: StateMemory;
  readonly #aheadMax: number;
  readonly #shared = new WeakMap<Dataset, Dataset>();
  /** Those that are awaited first, then the earliest; of equal ones the first that came. */
  readonly #jobs: Job[] = [];
  /** Begun, and nobody waits for them yet. */
  #ahead = 0;

  constructor(threads: readonly TrainingThread[], stateBytes: number) {
    this.#threads = threads;
    this.#memory = new StateMemory(stateBytes);
    this.#aheadMax = Math.max(AHEAD_MIN, Math.floor(AHEAD_BYTES_MAX / stateBytes));
  }

  train(round: PoolRound, due: RoundDue | undefined): Promise<PoolTrained> {
    const data = this.#shared.get(round.data) ?? shareDataset(round.data);
    this.#shared.set(round.data, data);
    const { state } = round;
    if (state !== undefined) this.#memory.hold(state);
    return new Promise((resolve) => {
      const job: Job = {
        round: { ...round, data, model: NONE },
        model: lasting(round.model),
        atMs: due?.atMs ?? Number.NEGATIVE_INFINITY,
        isAwaited: due === undefined,
        isBegun: false,
        resolve,
      };
      due?.whenAwaited(() => this.#await(job));
      const at = this.#jobs.findLastIndex(({ atMs }) => atMs <= job.atMs) + 1;
      this.#jobs.splice(at, 0, job);
      this.#proceed();
    });
  }

  #await(job: Job): void {
    if (job.isAwaited) return;
    job.isAwaited = true;
    if (job.isBegun) this.#ahead -= 1;
    this.#proceed();
  }

  #proceed(): void {
    for (;;) {
      const thread = this.#threads.reduce((least, each) => (each.load < least.load ? each : least));
      if (!thread.hasRoom) return;
      const awaited = this.#jobs.findIndex(({ isAwaited }) => isAwaited);
      if (awaited < 0 && this.#ahead >= this.#aheadMax) return;
      const [job] = this.#jobs.splice(Math.max(0, awaited), 1);
      if (job === undefined) return;
      if (!job.isAwaited) this.#ahead += 1;
      job.isBegun = true;
      job.resolve(this.#begin(thread, { ...job.round, model: job.model() }));
    }
  }

  async #begin(thread: TrainingThread, round: PoolRound): Promise<PoolTrained> {
    const memory = this.#memory.take();
    try {
      return await thread.train(round, memory);
    } catch (error) {
      this.#memory.giveBack(memory.buffer);
      throw error;
    } finally {
      if (round.state !== undefined) this.#memory.release(round.state);
      this.#proceed();
    }
  }
}
