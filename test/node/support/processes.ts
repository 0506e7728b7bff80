// Real processes of the command line for the tests of this room: started, listened to, and never left behind.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectControl, type NodeStatus } from '../../../node/index.ts';

/** Machines that run tests are busy: conditions are waited for this long, and nothing is asserted on time. */
export const LIMIT_MS = 120_000;
export const LISTEN = '/ip4/127.0.0.1/tcp/0';
const launcher = join(import.meta.dirname, '..', '..', '..', 'bin', 'meldmesh.js');

export interface Ending {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** One `meldmesh …` and what it has printed so far. */
export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ending>;
  readonly isOver: () => boolean;
  readonly output: () => string;
  readonly errors: () => string;
}

const started = new Set<ChildProcess>();
const folders = new Set<string>();

export interface ProcessOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** No file may grow over this: what a full disk does, in the same system calls, without a disk of its own. */
  readonly fileKiBMax?: number;
}

export function meldmesh(args: readonly string[], options: ProcessOptions = {}): Running {
  const { env, cwd, fileKiBMax = 'unlimited' } = options;
  const command = ['-c', `ulimit -f ${fileKiBMax} && exec "$@"`, 'bash', process.execPath, launcher, ...args];
  const child = spawn('bash', command, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    cwd,
  });
  started.add(child);
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  let isOver = false;
  const ended = new Promise<Ending>((resolve) => {
    child.once('close', (status, signal) => {
      isOver = true;
      started.delete(child);
      resolve({ status, signal });
    });
  });
  return { child, ended, isOver: () => isOver, output: () => output, errors: () => errors };
}

/** Runs one command to its end. */
export async function run(
  args: readonly string[],
): Promise<Ending & { readonly output: string; readonly errors: string }> {
  const running = meldmesh(args);
  const ending = await within(running.ended, `meldmesh ${args[0]} ends`);
  return { ...ending, output: running.output(), errors: running.errors() };
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meldmesh-test-'));
  folders.add(folder);
  return folder;
}

/** Kills what this file has started and removes its folders. For `afterEach`. */
export async function cleanUp(): Promise<void> {
  const endings = [...started].map(
    (child) => new Promise((resolve) => child.once('close', resolve) && child.kill('SIGKILL')),
  );
  await Promise.all(endings);
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.clear();
}

/** Waits for a condition; its value when it is neither undefined nor false. */
export async function until<T>(
  condition: () => T | Promise<T>,
  text: string,
  limitMs = LIMIT_MS,
): Promise<Exclude<T, undefined | false>> {
  const endMs = performance.now() + limitMs;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value as Exclude<T, undefined | false>;
    if (performance.now() > endMs) throw new Error(`still not true after ${limitMs} ms: ${text}`);
    await sleep(50);
  }
}

export async function within<T>(promise: Promise<T>, text: string, limitMs = LIMIT_MS): Promise<T> {
  const timer = new AbortController();
  const late = sleep(limitMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`has not happened within ${limitMs} ms: ${text}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}

/** What a node says of itself; `undefined` while it does not answer. */
export async function statusOf(store: string): Promise<NodeStatus | undefined> {
  const client = await connectControl(store).catch(() => undefined);
  try {
    return await client?.status();
  } catch {
    return undefined;
  } finally {
    client?.close();
  }
}

/** Waits until a node has reached something; fails at once when its process ends. */
export async function reached(
  node: { readonly store: string; readonly running?: Running },
  text: string,
  condition: (status: NodeStatus) => boolean,
): Promise<NodeStatus> {
  return await until(async () => {
    if (node.running?.isOver() === true)
      throw new Error(`the node has ended before: ${text}\n${node.running.output()}${node.running.errors()}`);
    const status = await statusOf(node.store);
    return status !== undefined && condition(status) && status;
  }, text);
}

/** One line of a node's journal. */
export interface JournalLine {
  readonly msg: string;
  readonly time: number;
  readonly generation?: number;
  readonly model?: string;
  readonly phase?: string;
  readonly code?: string;
  readonly text?: string;
  readonly id?: string;
  readonly author?: string;
  readonly reason?: string;
}

export function journalOf(store: string): readonly JournalLine[] {
  const file = join(store, 'journal.log');
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as JournalLine];
      } catch {
        return []; // A kill cuts the last line in two.
      }
    });
}

/** Digest of each generation as this node saw it last; corrections replace what was before. */
export function digestsOf(lines: readonly JournalLine[]): ReadonlyMap<number, string> {
  const digests = new Map<number, string>();
  for (const { msg, generation, model } of lines) {
    if (msg === 'fused' && generation !== undefined && model !== undefined) digests.set(generation, model);
  }
  return digests;
}

/** Whether a process of this machine still runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
