// A trainer that is a process of the user's, as the rounds see it. It starts the process, hands weights over as files,
// judges what comes back, and starts it again after a fault, with growing patience and without end.
import { setTimeout as pause } from 'node:timers/promises';
import { layoutOf, type ModelLayout } from '../../fusion/index.ts';
import type { RoundStart, RoundTrainer, Score, TrainedRound } from '../../learning/index.ts';
import { TrainerError, trainerError } from './errors.ts';
import { ExchangeFolder } from './exchange-folder.ts';
import { meldmeshVersion } from './meldmesh-version.ts';
import { type Hello, PROTOCOL, type Ready } from './messages.ts';
import type { TrainerFacts, TrainerWorkerInit } from './trainer-init.ts';
import { trainerName } from './trainer-name.ts';
import { TrainerProcess } from './trainer-process.ts';

export interface ExternalTrainerHooks {
  readonly notice: (code: string, text: string) => void;
  /** Evaluates where the trainer does not; only called with test data. */
  readonly evaluate: (weights: Float32Array) => Promise<Score>;
}

export class ExternalTrainer implements RoundTrainer {
  readonly #init: TrainerWorkerInit;
  readonly #hooks: ExternalTrainerHooks;
  readonly #layout: ModelLayout;
  readonly #folder: ExchangeFolder;
  readonly #stopping = new AbortController();
  #process: TrainerProcess | undefined;
  #facts: TrainerFacts | undefined;
  #ids = 0;
  #retryAtMs = 0;
  #patienceMs: number;

  constructor(init: TrainerWorkerInit, hooks: ExternalTrainerHooks) {
    this.#init = init;
    this.#hooks = hooks;
    this.#layout = layoutOf(init.spec);
    this.#folder = new ExchangeFolder(init.trainer.folder, this.#layout);
    this.#facts = init.trainer.facts;
    this.#patienceMs = init.trainer.patienceMs.min;
  }

  /** What the trainer says of itself; starts it unless that is known already. Throws a TrainerError. */
  async open(): Promise<TrainerFacts> {
    if (this.#facts === undefined) await this.#running();
    return this.#facts ?? { name: '', samples: 0, evaluates: false };
  }

  async train(round: RoundStart): Promise<TrainedRound> {
    const { timeoutMs } = this.#init.trainer;
    return await this.#guarded(async () => {
      const process = await this.#running();
      const [id, steps] = [this.#nextId(), this.#steps()];
      const weights = this.#folder.nameOf(`weights-${id}`);
      const result = this.#folder.nameOf(`result-${id}`);
      const seed = Buffer.from(round.random.state()).toString('hex');
      try {
        this.#folder.writeWeights(weights, round.weights);
        const question = {
          type: 'train',
          id,
          generation: round.generation,
          steps,
          seed,
          weights,
          result,
        } as const;
        const trained = await process.ask(question, timeoutMs);
        if (trained.steps > steps) {
          const text = `the trainer says that it took ${trained.steps} steps where ${steps} were asked for`;
          throw trainerError('MELDMESH_TRAINER_RESULT', text);
        }
        const velocity = new Float32Array(this.#layout.size);
        const { loss } = trained;
        return { weights: this.#folder.readWeights(result), velocity, loss, steps: trained.steps };
      } finally {
        this.#folder.remove(weights, result);
      }
    });
  }

  /** By the trainer if it can and runs, else by the built-in training where there is test data. */
  async evaluate(weights: Float32Array): Promise<Score> {
    const process = this.#process;
    const isAble = this.#facts?.evaluates === true && process !== undefined && process.fault === undefined;
    if (!isAble && this.#init.test !== undefined) return await this.#hooks.evaluate(weights);
    if (!isAble)
      throw trainerError('MELDMESH_TRAINER_FAILED', 'the trainer does not run and cannot evaluate');
    return await this.#guarded(async () => {
      const id = this.#nextId();
      const name = this.#folder.nameOf(`weights-${id}`);
      try {
        this.#folder.writeWeights(name, weights);
        const question = { type: 'evaluate', id, weights: name } as const;
        const { accuracy, loss } = await process.ask(question, this.#init.trainer.timeoutMs);
        return { accuracy, loss };
      } finally {
        this.#folder.remove(name);
      }
    });
  }

  /** Ends the process, whatever it is doing. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#process?.stop();
    this.#process = undefined;
    this.#folder.clear();
  }

  /** A fault ends the process; the next start waits. */
  async #guarded<T>(work: () => Promise<T>): Promise<T> {
    try {
      const value = await work();
      this.#patienceMs = this.#init.trainer.patienceMs.min;
      return value;
    } catch (error) {
      if (!(error instanceof TrainerError) || !error.isHarmless) await this.#giveUp();
      throw error;
    }
  }

  async #giveUp(): Promise<void> {
    // Whoever stops it gives it a moment.
    if (this.#stopping.signal.aborted) return;
    const process = this.#process;
    this.#process = undefined;
    await process?.kill();
    this.#retryAtMs = performance.now() + this.#patienceMs;
    this.#patienceMs = Math.min(2 * this.#patienceMs, this.#init.trainer.patienceMs.max);
  }

  async #running(): Promise<TrainerProcess> {
    if (this.#process !== undefined) return this.#process;
    const { trainer } = this.#init;
    const waitMs = this.#retryAtMs - performance.now();
    const { signal } = this.#stopping;
    if (waitMs > 0) await pause(waitMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) throw trainerError('MELDMESH_TRAINER_STOPPED', 'the node stops');
    const { command, cwd, helloTimeoutMs, leader } = trainer;
    const { process, ready } = await TrainerProcess.start(
      {
        command,
        cwd,
        hello: this.#prepare(),
        helloTimeoutMs,
        leader,
        log: (text) => this.#hooks.notice('TRAINER_SAYS', text),
      },
      signal,
    );
    // From here on it is ours to end, also when its ready is refused.
    this.#process = process;
    this.#accept(ready);
    return process;
  }

  /** Empties the folder, writes the samples, and says so. */
  #prepare(): Hello {
    const { spec, settings, seed, data, test, trainer } = this.#init;
    this.#folder.open();
    const samplesFile = data && this.#folder.nameOf('samples');
    const testFile = test && this.#folder.nameOf('test');
    if (data !== undefined && samplesFile !== undefined) this.#folder.writeSamples(samplesFile, data);
    if (test !== undefined && testFile !== undefined) this.#folder.writeSamples(testFile, test);
    const { learningRate, momentum, batch, localEpochs } = settings;
    const { inputs, classes, scale } = trainer.sizes;
    return {
      type: 'hello',
      protocol: PROTOCOL,
      meldmesh: meldmeshVersion(),
      folder: this.#folder.path,
      seed,
      tensors: this.#layout.tensors.map(({ name, shape }) => ({ name, dtype: 'float32', shape })),
      model: spec,
      data: { inputs, classes, scale },
      training: { learningRate, momentum, batch, localEpochs },
      samplesFile,
      testFile,
    };
  }

  /** Takes what it says of itself at first. The number of samples is signed into records and so never changes. */
  #accept(ready: Ready): void {
    const { data, trainer } = this.#init;
    const { samples } = ready;
    const wrong =
      data !== undefined && samples !== data.count
        ? `it was given ${data.count}`
        : samples > trainer.samplesMax
          ? `the mesh admits ${trainer.samplesMax} of a member`
          : undefined;
    if (wrong !== undefined) {
      const text = `the trainer says that it has ${samples} samples, but ${wrong}`;
      throw trainerError('MELDMESH_TRAINER_PROTOCOL', text);
    }
    const before = this.#facts;
    const name = trainerName(ready.name);
    this.#facts = { name, samples: before?.samples ?? samples, evaluates: ready.evaluates === true };
    if (before === undefined) return;
    const other = `; it now says ${samples} samples, the mesh goes on to count ${before.samples}`;
    const text = `the trainer ${name} was started again${before.samples === samples ? '' : other}`;
    this.#hooks.notice('TRAINER_STARTED', text);
  }

  #steps(): number {
    const { batch, localEpochs } = this.#init.settings;
    return localEpochs * Math.max(1, Math.floor((this.#facts?.samples ?? 0) / batch));
  }

  #nextId(): number {
    this.#ids += 1;
    return this.#ids;
  }
}
