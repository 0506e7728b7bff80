// The `Learner` port over a worker thread, so that training never holds up libp2p. A worker that dies takes its
// open questions with it: they are answered `failed`, and a new one goes on from the last known state.
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { type DenseSpec, layoutOf } from '../fusion/index.ts';
import {
  type BackendChoice,
  checkDataset,
  checkLearnerState,
  type Dataset,
  type ForeignDecision,
  type ForeignModel,
  type LearnerAnswer,
  type LearnerInit,
  type LearnerRequest,
  LearningError,
  type LearningErrorCode,
  learnerWorkerUrl,
  type ReadyAnswer,
  shareDataset,
  type TrainingSettings,
} from '../learning/index.ts';
import type { Learner, PortEvent, Ticket, TrainJob } from '../protocols/index.ts';
import { isTrainerErrorCode, TrainerError } from './trainer/errors.ts';
import { createLeaderCell, killLeader } from './trainer/process-group.ts';
import {
  type TrainerFacts,
  type TrainerOptions,
  type TrainerWorkerInit,
  trainerInit,
} from './trainer/trainer-init.ts';
import { trainerWorkerUrl } from './trainer/worker-url.ts';

export interface LearnerHostOptions {
  /** A mesh manifest, or these parts of one. */
  readonly manifest: {
    readonly model: DenseSpec;
    readonly data: { readonly inputs: number; readonly classes: number; readonly scale: number };
    readonly training: TrainingSettings;
    readonly codec: string;
  };
  /** Own samples; absent and without `trainer`: an observer, whose `train` answers `failed`. */
  readonly data: Dataset | undefined;
  /** Absent: `evaluate` answers `failed`. */
  readonly test: Dataset | undefined;
  readonly backend: BackendChoice;
  readonly threads: number;
  readonly seed: string;
  /** Brought from elsewhere, for the first round. It was checked against the model. */
  readonly foreign?: ForeignModel;
  /** Is told what became of it, before the answer of that round. */
  readonly judged?: (decision: ForeignDecision) => void;
  /** A command that trains in place of this library; it gets `data` and `test` as files. */
  readonly trainer?: TrainerOptions;
  /** Gets what happens beside questions and answers, such as what a trainer prints. */
  readonly notice?: (code: string, text: string) => void;
  /** Aborted: a learner that is still starting is ended, and `startLearner` rejects. */
  readonly signal?: AbortSignal;
  /** Gets every answer, never from within a call to this learner, and none after `stop`. */
  readonly deliver: (event: PortEvent) => void;
  /** Another worker with the same messages. Default: the one of `learning/`. */
  readonly workerUrl?: URL;
}

export interface StartedLearner extends Learner {
  /** `none`: nothing to train or evaluate on, so there is no worker. With a trainer the name of that. */
  readonly backend: string;
  /** Whether `evaluate` can be answered. */
  readonly evaluates: boolean;
  /** What the user may want to know about the choice of backend, a sentence each. */
  readonly notes: readonly string[];
  /** Ends the worker, whatever it is doing. Safe to call twice. */
  stop(): Promise<void>;
}

/** A worker that died this often without one answer in between is not started again. */
const CRASHES_MAX = 3;
/** A trainer that is told to stop takes two seconds at most, and its thread a moment more. */
const STOP_MS = 4_000;
/** Tensors live outside V8's heap; what is left are code and small objects. Low limits keep V8 collecting early. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 };

/**
 * Starts the worker and waits until its backend runs or its trainer is ready. Throws a DataError when data does not fit
 * the model, a LearningError when the backend does not start and a TrainerError when the trainer does not. The data is
 * copied to shared memory, unless it lies there.
 */
export async function startLearner(options: LearnerHostOptions): Promise<StartedLearner> {
  const { manifest, data, test } = options;
  for (const dataset of [data, test]) {
    if (dataset !== undefined) checkDataset(dataset, manifest.data);
  }
  quietenTensorflow(options.threads);
  const learner = new WorkerLearner(options);
  const { signal } = options;
  signal?.throwIfAborted();
  const abort = (): void => learner.abort();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    await learner.start();
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return learner;
}

/** libtensorflow reads these from the environment of the process when it is loaded. */
function quietenTensorflow(threads: number): void {
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  process.env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  process.env.TF_NUM_INTEROP_THREADS ??= '1';
}

interface Question {
  readonly kind: 'train' | 'evaluate';
  /** Shared memory that goes back to the spare ones with the answer. */
  readonly model: Float32Array;
}

interface Fault {
  readonly code: string;
  readonly text: string;
}

class WorkerLearner implements StartedLearner {
  samples: number;
  evaluates = false;
  backend = 'none';
  notes: readonly string[] = [];
  readonly #init: LearnerInit;
  readonly #parameters: number;
  readonly #deliver: (event: PortEvent) => void;
  readonly #notice: ((code: string, text: string) => void) | undefined;
  readonly #judged: LearnerHostOptions['judged'];
  readonly #workerUrl: URL;
  readonly #trainer: TrainerOptions | undefined;
  readonly #sizes: LearnerHostOptions['manifest']['data'];
  readonly #leader = createLeaderCell();
  /** When this process ends, however it does, the trainer ends too. */
  readonly #killTrainer = (): void => killLeader(this.#leader);
  readonly #open = new Map<Ticket, Question>();
  readonly #spareModels: Float32Array[] = [];
  #worker: Worker | undefined;
  #facts: TrainerFacts | undefined;
  #started: { resolve(): void; reject(error: Error): void } | undefined;
  #lastState: Uint8Array | undefined;
  #crashes = 0;
  #lastFault = 'it was not started';
  #stopped = false;

  constructor(options: LearnerHostOptions) {
    const { manifest, data, test, backend, threads, seed, trainer } = options;
    this.samples = data?.count ?? 0;
    this.#deliver = options.deliver;
    this.#notice = options.notice;
    this.#judged = options.judged;
    this.#trainer = trainer;
    this.#sizes = manifest.data;
    this.#workerUrl = options.workerUrl ?? (trainer === undefined ? learnerWorkerUrl : trainerWorkerUrl);
    this.#parameters = layoutOf(manifest.model).size;
    this.#init = {
      spec: manifest.model,
      settings: manifest.training,
      scale: manifest.data.scale,
      codec: manifest.codec,
      backend,
      threads,
      seed,
      data: data && shareDataset(data),
      test: test && shareDataset(test),
      foreign: options.foreign,
    };
  }

  async start(): Promise<void> {
    if (this.#init.data === undefined && this.#init.test === undefined && this.#trainer === undefined) return;
    if (this.#trainer !== undefined) process.on('exit', this.#killTrainer);
    await new Promise<void>((resolve, reject) => {
      this.#started = { resolve, reject };
      this.#spawn();
    });
  }

  train(job: TrainJob): void {
    const { ticket, generation, takeBack } = job;
    assert(![...this.#open.values()].some(({ kind }) => kind === 'train'), 'one training at a time');
    if (this.samples === 0) this.#failLater(ticket, 'this member has no training data');
    else
      this.#ask('train', job.model, ticket, (model) => ({
        kind: 'train',
        ticket,
        model,
        generation,
        takeBack,
      }));
  }

  evaluate(source: Float32Array, ticket: Ticket): void {
    if (!this.evaluates) this.#failLater(ticket, 'this member has no test data');
    else this.#ask('evaluate', source, ticket, (model) => ({ kind: 'evaluate', ticket, model }));
  }

  /** Throws a LearningError when the state is damaged or of another model; the learner is as before then. */
  restore(state: Uint8Array): void {
    const reason = checkLearnerState(state, this.#parameters);
    if (reason !== undefined) {
      const text = `the stored training state cannot be used: ${reason}; restore another checkpoint`;
      throw new LearningError('MELDMESH_LEARNING_STATE', text);
    }
    this.#lastState = state;
    this.#send({ kind: 'restore', state });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#open.clear();
    const worker = this.#worker;
    this.#worker = undefined;
    if (worker !== undefined && this.#trainer !== undefined) {
      const timer = new AbortController();
      const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
      worker.postMessage({ kind: 'stop' });
      await Promise.race([gone, pause(STOP_MS, undefined, timer).catch(() => undefined)]);
      timer.abort();
    }
    await worker?.terminate();
    this.#killTrainer();
    process.off('exit', this.#killTrainer);
  }

  /** Ends a learner whose `start` still waits. */
  abort(): void {
    if (this.#started === undefined) return;
    this.#exited({ code: 'MELDMESH_LEARNING_WORKER', text: 'it was stopped before it was ready' });
  }

  #ask(
    kind: Question['kind'],
    source: Float32Array,
    ticket: Ticket,
    request: (model: Float32Array) => LearnerRequest,
  ): void {
    assert(source.length === this.#parameters, 'the model has the size of its specification');
    assert(!this.#open.has(ticket), 'a ticket is used once');
    if (this.#worker === undefined) {
      this.#failLater(ticket, `the learning worker is gone: ${this.#lastFault}`);
      return;
    }
    const model = this.#spareModels.pop() ?? new Float32Array(new SharedArrayBuffer(4 * this.#parameters));
    model.set(source);
    this.#open.set(ticket, { kind, model });
    this.#send(request(model));
  }

  #send(request: LearnerRequest): void {
    this.#worker?.postMessage(request);
  }

  #failLater(ticket: Ticket, error: string): void {
    setImmediate(() => {
      if (!this.#stopped) this.#deliver({ kind: 'failed', ticket, error });
    });
  }

  #spawn(): void {
    const worker = new Worker(this.#workerUrl, {
      workerData: this.#workerData(),
      name: 'meldmesh-learner',
      resourceLimits: RESOURCE_LIMITS,
    });
    this.#worker = worker;
    let fault: Fault | undefined;
    worker.on('message', (answer: LearnerAnswer) => {
      if (answer.kind === 'failed' && answer.ticket === undefined)
        fault = { code: answer.code, text: answer.error };
      else this.#receive(answer);
    });
    worker.on('error', (error) => {
      fault = { code: 'MELDMESH_LEARNING_WORKER', text: error.message };
    });
    worker.on('exit', (code) => {
      if (!this.#stopped)
        this.#exited(fault ?? { code: 'MELDMESH_LEARNING_WORKER', text: `it ended with status ${code}` });
    });
    if (this.#lastState !== undefined) this.#send({ kind: 'restore', state: this.#lastState });
  }

  #workerData(): LearnerInit | TrainerWorkerInit {
    if (this.#trainer === undefined) return this.#init;
    const trainer = trainerInit(this.#trainer, {
      leader: this.#leader,
      sizes: this.#sizes,
      facts: this.#facts,
    });
    return { ...this.#init, trainer };
  }

  #receive(answer: LearnerAnswer): void {
    if (this.#stopped) return;
    if (answer.kind === 'ready') return this.#ready(answer);
    if (answer.kind === 'notice') return this.#notice?.(answer.code, answer.text);
    assert(answer.ticket !== undefined);
    const question = this.#open.get(answer.ticket);
    assert(question !== undefined, 'the worker answers what it was asked, once');
    this.#open.delete(answer.ticket);
    this.#spareModels.push(question.model);
    this.#crashes = 0;
    if (answer.kind === 'trained') {
      this.#lastState = answer.state;
      if (answer.foreign !== undefined) this.#judged?.(answer.foreign);
    }
    this.#deliver(eventOf(answer, answer.ticket));
  }

  #ready(answer: ReadyAnswer): void {
    const { backend, notes, samples, evaluates } = answer;
    this.backend = backend;
    this.notes = notes;
    this.samples = samples;
    this.evaluates = evaluates;
    if (this.#trainer !== undefined) this.#facts = { name: backend, samples, evaluates };
    this.#started?.resolve();
    this.#started = undefined;
  }

  #exited(fault: Fault): void {
    const worker = this.#worker;
    this.#worker = undefined;
    this.#lastFault = fault.text;
    this.#killTrainer();
    if (this.#started !== undefined) {
      this.#stopped = true;
      process.off('exit', this.#killTrainer);
      // What was started in the meantime is killed once the thread can start nothing more.
      void worker?.terminate().then(this.#killTrainer);
      this.#started.reject(startFailure(fault));
      this.#started = undefined;
      return;
    }
    this.#crashes++;
    const lost = [...this.#open.keys()];
    this.#open.clear();
    if (this.#crashes < CRASHES_MAX) this.#spawn();
    for (const ticket of lost) {
      this.#deliver({ kind: 'failed', ticket, error: `the learning worker stopped: ${fault.text}` });
    }
  }
}

/** A trainer's own sentence, or why the thread does not run. */
function startFailure({ code, text }: Fault): Error {
  if (isTrainerErrorCode(code)) return new TrainerError(code, text);
  // Only that room's errors have codes besides; what has none was given MELDMESH_LEARNING_WORKER.
  return new LearningError(code as LearningErrorCode, `the learner does not start: ${text}`);
}

function eventOf(answer: Exclude<LearnerAnswer, { kind: 'ready' | 'notice' }>, ticket: Ticket): PortEvent {
  if (answer.kind === 'failed') return { kind: 'failed', ticket, error: answer.error };
  if (answer.kind !== 'trained') return answer;
  const { foreign, ...event } = answer;
  return event;
}
