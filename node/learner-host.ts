// The `Learner` port over a worker thread, so that training never holds up libp2p. A worker that dies takes its
// open questions with it: they are answered `failed`, and a new one goes on from the last known state.
import assert from 'node:assert/strict';
import { Worker } from 'node:worker_threads';
import { type DenseSpec, layoutOf } from '../fusion/index.ts';
import {
  type BackendChoice,
  type BackendName,
  checkDataset,
  checkLearnerState,
  type Dataset,
  type LearnerAnswer,
  type LearnerInit,
  type LearnerRequest,
  LearningError,
  type LearningErrorCode,
  learnerWorkerUrl,
  shareDataset,
  type TrainingSettings,
} from '../learning/index.ts';
import type { Learner, PortEvent, Ticket, TrainJob } from '../protocols/index.ts';

export interface LearnerHostOptions {
  /** A mesh manifest, or these parts of one. */
  readonly manifest: {
    readonly model: DenseSpec;
    readonly data: { readonly inputs: number; readonly classes: number; readonly scale: number };
    readonly training: TrainingSettings;
    readonly codec: string;
  };
  /** Own samples; absent: an observer, whose `train` answers `failed`. */
  readonly data: Dataset | undefined;
  /** Absent: `evaluate` answers `failed`. */
  readonly test: Dataset | undefined;
  readonly backend: BackendChoice;
  readonly threads: number;
  readonly seed: string;
  /** Gets every answer, never from within a call to this learner, and none after `stop`. */
  readonly deliver: (event: PortEvent) => void;
  /** Another worker with the same messages. Default: the one of `learning/`. */
  readonly workerUrl?: URL;
}

export interface StartedLearner extends Learner {
  /** `none`: neither data nor test, so there is no worker. */
  readonly backend: BackendName | 'none';
  /** What the user may want to know about the choice of backend, a sentence each. */
  readonly notes: readonly string[];
  /** Ends the worker, whatever it is doing. Safe to call twice. */
  stop(): Promise<void>;
}

/** A worker that died this often without one answer in between is not started again. */
const CRASHES_MAX = 3;
/** Tensors live outside V8's heap; what is left are code and small objects. Low limits keep V8 collecting early. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 4 };

/**
 * Starts the worker and waits until its backend runs. Throws a DataError when data does not fit the model and a
 * LearningError when the backend does not start. The data is copied to shared memory, unless it lies there.
 */
export async function startLearner(options: LearnerHostOptions): Promise<StartedLearner> {
  const { manifest, data, test } = options;
  for (const dataset of [data, test]) {
    if (dataset !== undefined) checkDataset(dataset, manifest.data);
  }
  quietenTensorflow(options.threads);
  const learner = new WorkerLearner(options);
  await learner.start();
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
  readonly code: LearningErrorCode;
  readonly text: string;
}

class WorkerLearner implements StartedLearner {
  readonly samples: number;
  backend: BackendName | 'none' = 'none';
  notes: readonly string[] = [];
  readonly #init: LearnerInit;
  readonly #parameters: number;
  readonly #deliver: (event: PortEvent) => void;
  readonly #workerUrl: URL;
  readonly #open = new Map<Ticket, Question>();
  readonly #spareModels: Float32Array[] = [];
  #worker: Worker | undefined;
  #started: { resolve(): void; reject(error: Error): void } | undefined;
  #lastState: Uint8Array | undefined;
  #crashes = 0;
  #lastFault = 'it was not started';
  #stopped = false;

  constructor(options: LearnerHostOptions) {
    const { manifest, data, test, backend, threads, seed } = options;
    this.samples = data?.count ?? 0;
    this.#deliver = options.deliver;
    this.#workerUrl = options.workerUrl ?? learnerWorkerUrl;
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
    };
  }

  async start(): Promise<void> {
    if (this.#init.data === undefined && this.#init.test === undefined) return;
    await new Promise<void>((resolve, reject) => {
      this.#started = { resolve, reject };
      this.#spawn();
    });
  }

  train(job: TrainJob): void {
    const { ticket, generation, takeBack } = job;
    assert(![...this.#open.values()].some(({ kind }) => kind === 'train'), 'one training at a time');
    if (this.#init.data === undefined) this.#failLater(ticket, 'this member has no training data');
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
    if (this.#init.test === undefined) this.#failLater(ticket, 'this member has no test data');
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
    await this.#worker?.terminate();
    this.#worker = undefined;
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
      workerData: this.#init,
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

  #receive(answer: LearnerAnswer): void {
    if (this.#stopped) return;
    if (answer.kind === 'ready') {
      this.backend = answer.backend;
      this.notes = answer.notes;
      this.#started?.resolve();
      this.#started = undefined;
      return;
    }
    assert(answer.ticket !== undefined);
    const question = this.#open.get(answer.ticket);
    assert(question !== undefined, 'the worker answers what it was asked, once');
    this.#open.delete(answer.ticket);
    this.#spareModels.push(question.model);
    this.#crashes = 0;
    if (answer.kind === 'trained') this.#lastState = answer.state;
    this.#deliver(eventOf(answer, answer.ticket));
  }

  #exited(fault: Fault): void {
    this.#worker = undefined;
    this.#lastFault = fault.text;
    if (this.#started !== undefined) {
      this.#started.reject(new LearningError(fault.code, `the learner does not start: ${fault.text}`));
      this.#stopped = true;
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

function eventOf(answer: Exclude<LearnerAnswer, { kind: 'ready' }>, ticket: Ticket): PortEvent {
  if (answer.kind === 'failed') return { kind: 'failed', ticket, error: answer.error };
  return answer;
}
