// Starts the nodes of a mesh as ordinary `meldmesh join` processes, each in a process group of its own, so that
// neither Ctrl-C nor the death of the parent reaches them. It knows nothing of what they say.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BackendChoice } from '../../learning/index.ts';
import type { Plan, PlannedNode } from './plan.ts';

export const LOG_FILE = 'node.log';

/** A small young generation: 223 MiB of a node become 190, and nothing gets measurably slower. */
const NODE_FLAGS = ['--max-semi-space-size=2', ...sourceFlags()];

export interface SpawnOptions {
  /** Absent: they never stop by themselves. */
  readonly generations: number | undefined;
  readonly threads: number;
  readonly backend: BackendChoice;
  /** For the last so many contributors; the others and the observer go without. */
  readonly trainer: TrainerChoice | undefined;
}

export interface TrainerChoice {
  readonly command: string;
  readonly nodes: number;
  readonly timeoutSeconds: number | undefined;
}

/** The entry of this command line: source in a clone, compiled in a package. */
export function cliEntry(): string {
  const here = fileURLToPath(import.meta.url);
  return fileURLToPath(new URL(`../main${extname(here)}`, import.meta.url));
}

/** In a clone, source goes through the cache of its stripped form: 30 MiB less for each node. */
function sourceFlags(): readonly string[] {
  if (!import.meta.url.endsWith('.ts')) return [];
  return [
    '--disable-warning=ExperimentalWarning',
    '--import',
    new URL('../../bin/source-cache.js', import.meta.url).href,
  ];
}

/** The arguments of `meldmesh` that start this node. */
export function joinArguments(plan: Plan, node: PlannedNode, options: SpawnOptions): readonly string[] {
  const contributors = plan.nodes.filter((each) => each.indicesFile !== undefined).length;
  const flags: (string | undefined)[][] = [
    ['--manifest', plan.manifestFile],
    ['--store', node.store],
    node.indicesFile === undefined ? ['--observe'] : ['--data', 'mnist', '--indices', node.indicesFile],
    ['--seed', node.seed],
    ['--threads', String(options.threads)],
    ['--backend', options.backend],
    ...trainerFlags(plan, node, options.trainer),
    ['--no-mdns'],
    options.generations === undefined ? [] : ['--generations', String(options.generations)],
    // The others; nobody waits for itself.
    plan.resumed || contributors < 2 ? [] : ['--wait-for-peers', String(contributors - 1)],
    node.bootstrap === undefined ? [] : ['--bootstrap', node.bootstrap],
    ...node.listen.map((address) => ['--listen', address]),
    ...node.announce.map((address) => ['--announce', address]),
  ];
  return ['join', ...flags.flat().filter((text) => text !== undefined)];
}

function trainerFlags(plan: Plan, node: PlannedNode, choice: TrainerChoice | undefined): string[][] {
  if (choice === undefined || !trainerNodes(plan, choice).includes(node.index)) return [];
  const { command, timeoutSeconds } = choice;
  return [
    ['--trainer', command],
    timeoutSeconds === undefined ? [] : ['--trainer-timeout', String(timeoutSeconds)],
  ];
}

/** Who trains with the program: the last contributors. */
export function trainerNodes(plan: Plan, choice: TrainerChoice): readonly number[] {
  const contributors = plan.nodes.filter((each) => each.indicesFile !== undefined);
  return contributors.slice(-choice.nodes).map((each) => each.index);
}

/** Starts one node; what it prints goes to `node.log` in its store. */
export function spawnNode(plan: Plan, node: PlannedNode, options: SpawnOptions): ChildProcess {
  const log = openSync(join(node.store, LOG_FILE), 'a');
  try {
    const child = spawn(
      process.execPath,
      [...NODE_FLAGS, cliEntry(), ...joinArguments(plan, node, options)],
      {
        detached: true,
        stdio: ['ignore', log, log],
      },
    );
    // The parent's life does not hang on theirs either.
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/** The last lines that a node has written, for the message about its death. */
export function logTail(store: string, lines: number): readonly string[] {
  try {
    const text = readFileSync(join(store, LOG_FILE), 'utf8').trimEnd();
    return text === '' ? [] : text.split('\n').slice(-lines);
  } catch {
    return [];
  }
}
