// One run of a trainer as a process: JSON lines both ways, one question at a time, a deadline for each. Whatever goes
// wrong ends the whole process group and is told as one TrainerError; starting again is somebody else's decision.
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { TrainerError, trainerError } from './errors.ts';
import { createLineSplitter } from './line-splitter.ts';
import { createLogLimit, printable } from './log-limit.ts';
import {
  type Answer,
  decodeTrainerLine,
  encodeMessage,
  type Hello,
  LINE_BYTES_MAX,
  type NodeMessage,
  type Question,
  type Ready,
  type TrainerMessage,
} from './messages.ts';
import { groupOptions, type LeaderCell, signalGroup } from './process-group.ts';

/** Words for people on standard output, within one question: more is a loop and not a log. */
const TEXT_BYTES_MAX = 64 * 2 ** 20;
/** A trainer that is asked to stop, and then told by SIGTERM, has so long each. A node stops within five seconds. */
const STOP_GRACE_MS = 1_000;
/** After the process is gone its last words may still be in the pipe. */
const LAST_WORDS_MS = 500;

export interface TrainerProcessOptions {
  readonly command: readonly string[];
  readonly cwd: string;
  readonly hello: Hello;
  readonly helloTimeoutMs: number;
  readonly leader: LeaderCell;
  /** Gets what the trainer prints, limited. */
  readonly log: (text: string) => void;
}

interface Pending {
  readonly id: number | undefined;
  readonly type: 'ready' | 'trained' | 'evaluated';
  resolve(message: Ready | Answer): void;
  reject(error: TrainerError): void;
}

export class TrainerProcess {
  readonly #options: TrainerProcessOptions;
  readonly #log: ReturnType<typeof createLogLimit>;
  readonly #exited = Promise.withResolvers<void>();
  #child: ChildProcess | undefined;
  #pending: Pending | undefined;
  #textBytes = 0;
  #lastWords = '';
  #progress = '';
  #fault: TrainerError | undefined;

  private constructor(options: TrainerProcessOptions) {
    this.#options = options;
    this.#log = createLogLimit({ nowMs: () => performance.now(), emit: options.log });
  }

  /** Starts the command and waits for `ready`. Throws a TrainerError; no process is left then. */
  static async start(
    options: TrainerProcessOptions,
    signal: AbortSignal,
  ): Promise<{ readonly process: TrainerProcess; readonly ready: Ready }> {
    const process = new TrainerProcess(options);
    const abort = (): void => process.#fail(trainerError('MELDMESH_TRAINER_STOPPED', 'the node stops'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      const ready = await process.#begin();
      return { process, ready };
    } catch (error) {
      await process.kill();
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  /** Why it cannot be asked any more; absent while it can. */
  get fault(): TrainerError | undefined {
    return this.#fault;
  }

  /** Rejects with a TrainerError; unless that `isHarmless`, the process is ended. Progress does not extend the time. */
  async ask<Q extends Question>(
    question: Q,
    timeoutMs: number,
  ): Promise<Extract<Answer, { type: Q extends { type: 'train' } ? 'trained' : 'evaluated' }>>;
  async ask(question: Question, timeoutMs: number): Promise<Ready | Answer> {
    const { promise } = this.#expect(question.type === 'train' ? 'trained' : 'evaluated', question.id);
    this.#send(question);
    const verb = question.type === 'train' ? 'finish its training' : 'evaluate';
    return await this.#inTime(promise, timeoutMs, () => {
      const text = `the trainer did not ${verb} within ${seconds(timeoutMs)}${this.#progress}`;
      return trainerError('MELDMESH_TRAINER_TIMEOUT', text);
    });
  }

  /** Asks it to stop, and sees to it that it does. Settles when the group is gone. */
  async stop(): Promise<void> {
    const child = this.#child;
    this.#fault ??= trainerError('MELDMESH_TRAINER_STOPPED', 'the trainer was stopped');
    this.#settle(this.#fault);
    if (child?.pid === undefined) return;
    this.#send({ type: 'stop' });
    child.stdin?.end();
    if (!(await this.#isGoneWithin(STOP_GRACE_MS))) {
      this.#signal('SIGTERM');
      await this.#isGoneWithin(STOP_GRACE_MS);
    }
    await this.kill();
  }

  /** Ends the group at once. Safe to call twice. */
  async kill(): Promise<void> {
    this.#fault ??= trainerError('MELDMESH_TRAINER_STOPPED', 'the trainer was stopped');
    if (this.#child?.pid === undefined) return;
    this.#signal('SIGKILL');
    // A process that hangs in the kernel dies when the kernel lets go of it; nobody waits for that.
    await this.#isGoneWithin(STOP_GRACE_MS);
    this.#log.flush();
  }

  async #begin(): Promise<Ready> {
    const { promise } = this.#expect('ready', undefined);
    try {
      this.#spawn();
    } catch (cause) {
      this.#cannotRun(cause instanceof Error ? cause : new Error(String(cause)));
    }
    this.#send(this.#options.hello);
    const ready = await this.#inTime(promise, this.#options.helloTimeoutMs, () => {
      const text = `the trainer was not ready within ${seconds(this.#options.helloTimeoutMs)} of its start`;
      return trainerError('MELDMESH_TRAINER_START', text);
    });
    return ready as Ready;
  }

  #spawn(): void {
    const { command, cwd, hello, leader } = this.#options;
    const [program, ...parameters] = command;
    const child = spawn(program, parameters, {
      ...groupOptions,
      cwd,
      env: { ...process.env, MELDMESH_TRAINER_FOLDER: hello.folder },
      stdio: ['pipe', 'pipe', 'pipe'],
      windowsHide: true,
    });
    this.#child = child;
    if (child.pid !== undefined) Atomics.store(leader, 0, child.pid);
    child.once('error', (cause) => this.#cannotRun(cause));
    // A trainer that is gone is heard of by its exit.
    child.stdin.on('error', () => undefined);
    this.#listen(child);
    child.once('exit', (code, signal) => {
      Atomics.store(leader, 0, 0);
      // What it has started goes with it.
      if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
      const over = (): void => {
        clearTimeout(timer);
        this.#fail(this.#ended(signal === null ? `with status ${code}` : `by ${signal}`));
        this.#exited.resolve();
      };
      const timer = setTimeout(over, LAST_WORDS_MS);
      child.once('close', over);
    });
  }

  #listen(child: ChildProcess): void {
    const output = createLineSplitter({
      bytesMax: LINE_BYTES_MAX,
      onLine: (line) => this.#hear(line),
      onOverflow: () => this.#break(`wrote a line of more than ${LINE_BYTES_MAX} bytes`),
    });
    const errors = createLineSplitter({
      bytesMax: LINE_BYTES_MAX,
      onLine: (line) => {
        this.#lastWords = printable(line);
        this.#log.line(line);
      },
    });
    for (const [stream, splitter] of [
      [child.stdout, output],
      [child.stderr, errors],
    ] as const) {
      stream?.on('data', (chunk: Uint8Array) => splitter.push(chunk));
      stream?.on('end', () => splitter.end());
      stream?.on('error', () => undefined);
    }
  }

  #hear(line: string): void {
    const message = decodeTrainerLine(line);
    if (message === undefined) return this.#hearText(line);
    if ('fault' in message) {
      if (this.#pending === undefined) this.#hearText(line);
      else this.#break(`does not keep to the protocol, ${message.fault}`);
      return;
    }
    this.#hearMessage(message, line);
  }

  #hearMessage(message: TrainerMessage, line: string): void {
    const pending = this.#pending;
    if (message.type === 'progress') {
      const { id, step } = message;
      if (id === pending?.id && step !== undefined) this.#progress = `; it was at step ${step}`;
      return;
    }
    const id = message.type === 'ready' ? undefined : message.id;
    // An answer again, or one that comes after its question was given up.
    const isLate = pending === undefined || (id !== undefined && pending.id !== undefined && id < pending.id);
    if (isLate) return this.#hearText(line);
    if (message.type === 'failed' && (id === undefined || id === pending.id)) {
      const code = pending.type === 'ready' ? 'MELDMESH_TRAINER_START' : 'MELDMESH_TRAINER_FAILED';
      return this.#settle(trainerError(code, `the trainer says: ${printable(message.error ?? 'it failed')}`));
    }
    if (message.type === 'failed' || message.type !== pending.type || id !== pending.id) {
      const what = `"${message.type}"${id === undefined ? '' : ` to question ${id}`}`;
      const asked = pending.type === 'ready' ? 'ready' : `${pending.type} to question ${pending.id}`;
      return this.#break(`answered ${what} and not "${asked}"`);
    }
    this.#settle(message);
  }

  /** What is no message is for people, up to a limit. */
  #hearText(line: string): void {
    this.#textBytes += line.length + 1;
    if (this.#textBytes > TEXT_BYTES_MAX) {
      this.#break(`printed more than ${TEXT_BYTES_MAX / 2 ** 20} MiB of text`);
    } else {
      this.#log.line(line);
    }
  }

  #expect(type: Pending['type'], id: number | undefined): { readonly promise: Promise<Ready | Answer> } {
    const { promise, resolve, reject } = Promise.withResolvers<Ready | Answer>();
    this.#textBytes = 0;
    this.#progress = '';
    this.#pending = { id, type, resolve, reject };
    if (this.#fault !== undefined) this.#settle(this.#fault);
    return { promise };
  }

  #settle(outcome: Ready | Answer | TrainerError): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (outcome instanceof TrainerError) pending?.reject(outcome);
    else pending?.resolve(outcome);
  }

  async #inTime<T>(promise: Promise<T>, timeoutMs: number, late: () => TrainerError): Promise<T> {
    const timer = setTimeout(() => this.#fail(late()), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** It will not be asked again. */
  #fail(error: TrainerError): void {
    this.#fault ??= error;
    this.#settle(this.#fault);
    this.#signal('SIGKILL');
  }

  /** Once the leader has been reaped its id may be another's; its group was signalled then. */
  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const child = this.#child;
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      signalGroup(child.pid, signal);
    }
  }

  #break(what: string): void {
    this.#fail(trainerError('MELDMESH_TRAINER_PROTOCOL', `the trainer ${what}`));
  }

  #ended(how: string): TrainerError {
    const words = this.#lastWords === '' ? '' : `; its last words: ${this.#lastWords}`;
    if (this.#pending?.type === 'ready') {
      return trainerError('MELDMESH_TRAINER_START', `the trainer ended ${how} before it was ready${words}`);
    }
    return trainerError('MELDMESH_TRAINER_EXITED', `the trainer ended ${how}${words}`);
  }

  #cannotRun(cause: Error): void {
    const { command, cwd } = this.#options;
    const isThere = statSync(cwd, { throwIfNoEntry: false })?.isDirectory() === true;
    const reason = !isThere
      ? `there is no folder ${cwd}`
      : 'code' in cause && cause.code === 'ENOENT'
        ? 'there is no such program'
        : cause.message;
    const text = `the trainer "${command.join(' ')}" cannot be run, ${reason}`;
    this.#fail(trainerError('MELDMESH_TRAINER_COMMAND', text, cause));
    this.#exited.resolve();
  }

  #send(message: NodeMessage): void {
    const stdin = this.#child?.stdin;
    if (stdin?.writable === true) stdin.write(encodeMessage(message));
  }

  async #isGoneWithin(limitMs: number): Promise<boolean> {
    const timer = new AbortController();
    const late = pause(limitMs, false, { signal: timer.signal }).catch(() => false);
    const gone = await Promise.race([this.#exited.promise.then(() => true), late]);
    timer.abort();
    return gone;
  }
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`;
}
