// The node's side of a conversation with a trainer, without the node: what a test says is written as it is, and the
// answers come one by one. Lines that are no message fail the test that asks next.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { decodeTrainerLine, type TrainerMessage } from '../../../node/trainer/messages.ts';

export type Answer<Type extends TrainerMessage['type']> = Extract<TrainerMessage, { type: Type }>;

export interface TrainerCommand {
  readonly program: string;
  readonly parameters: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

export class Conversation {
  /** All that it wrote for people. */
  stderr = '';
  /** Every message that came, in order. */
  readonly heard: TrainerMessage[] = [];
  /** Its exit status, or the signal that ended it. */
  readonly exit: Promise<number | string | null>;
  readonly #child: ChildProcess;
  readonly #stray: string[] = [];
  #read = 0;
  #wake: () => void = () => undefined;
  #isOver = false;

  constructor(command: TrainerCommand) {
    const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1', ...command.environment };
    this.#child = spawn(command.program, command.parameters, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    assert(stdin !== null && stdout !== null && stderr !== null);
    stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
      this.#wake();
    });
    // A trainer that is gone is told by its exit.
    stdin.on('error', () => undefined);
    createInterface({ input: stdout }).on('line', (line) => this.#hear(line));
    this.exit = new Promise((resolve) => {
      this.#child.on('error', () => resolve(null));
      this.#child.on('close', (status, signal) => resolve(status ?? signal));
    });
    void this.exit.then(() => {
      this.#isOver = true;
      this.#wake();
    });
  }

  /** A message, or a line as it is. */
  say(message: object | string): void {
    this.#child.stdin?.write(`${typeof message === 'string' ? message : JSON.stringify(message)}\n`);
  }

  /** The next message but progress, which must be of this type. */
  async answer<Type extends TrainerMessage['type']>(type: Type): Promise<Answer<Type>> {
    for (;;) {
      assert.deepEqual(this.#stray, [], 'these lines are no messages');
      const message = this.heard[this.#read];
      if (message === undefined) {
        assert(!this.#isOver, `the trainer has ended: ${this.stderr}`);
        await this.#next();
        continue;
      }
      this.#read++;
      if (message.type === 'progress' && type !== 'progress') continue;
      assert(isOfType(message, type), `${type} was expected, not ${JSON.stringify(message)}: ${this.stderr}`);
      return message;
    }
  }

  ask<Type extends TrainerMessage['type']>(message: object | string, type: Type): Promise<Answer<Type>> {
    this.say(message);
    return this.answer(type);
  }

  /** Until it has written this for people. */
  async words(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.stderr)) {
      assert(!this.#isOver, `${pattern} was expected in ${this.stderr}`);
      await this.#next();
    }
  }

  /** Closes its standard input, as a node does that dies. */
  hangUp(): void {
    this.#child.stdin?.end();
  }

  /** Ends it, whatever it does; settles when it is gone. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exit;
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #hear(line: string): void {
    const message = decodeTrainerLine(line);
    if (message === undefined || 'fault' in message) this.#stray.push(line);
    else this.heard.push(message);
    this.#wake();
  }
}

function isOfType<Type extends TrainerMessage['type']>(
  message: TrainerMessage,
  type: Type,
): message is Answer<Type> {
  return message.type === type;
}
