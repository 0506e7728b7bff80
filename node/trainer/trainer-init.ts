// What the thread of an external trainer is started with: that of every learner, and the command.
import type { LearnerInit } from '../../learning/index.ts';
import type { LeaderCell } from './process-group.ts';

/** A command that trains instead of this library, as a host is asked for it. */
export interface TrainerOptions {
  /** Program and parameters; no shell reads them. */
  readonly command: readonly string[];
  /** Where the command runs. Default: the directory of this process. */
  readonly cwd?: string;
  /** For one question; default 600 s. */
  readonly timeoutMs?: number;
  /** From its start to its `ready`; default 120 s. */
  readonly helloTimeoutMs?: number;
  /** Wait before it is started again: at first, and at most; default 1 s to 60 s. */
  readonly patienceMs?: { readonly min: number; readonly max: number };
  /** Folder for the weights; it is emptied. */
  readonly folder: string;
  /** More samples than this may not be claimed. */
  readonly samplesMax: number;
}

/** What a trainer has said of itself when it was ready for the first time. */
export interface TrainerFacts {
  readonly name: string;
  readonly samples: number;
  readonly evaluates: boolean;
}

/** What the host adds to the options. */
interface HostFacts {
  readonly leader: LeaderCell;
  /** Of the manifest: what the model is fed with. */
  readonly sizes: { readonly inputs: number; readonly classes: number; readonly scale: number };
  /** Known after a thread of before: then this one does not wait for the trainer. */
  readonly facts: TrainerFacts | undefined;
}

export interface TrainerInit extends Required<TrainerOptions>, HostFacts {}

export interface TrainerWorkerInit extends LearnerInit {
  readonly trainer: TrainerInit;
}

/** PyTorch with a GPU takes half a minute to load on a busy machine. */
const HELLO_TIMEOUT_MS = 120_000;
const TIMEOUT_MS = 600_000;
/** A timer cannot wait longer. */
const TIMEOUT_MAX_MS = 2 ** 31 - 1;
const PATIENCE_MS = { min: 1_000, max: 60_000 };

export function trainerInit(options: TrainerOptions, more: HostFacts): TrainerInit {
  return {
    ...options,
    cwd: options.cwd ?? process.cwd(),
    timeoutMs: Math.min(options.timeoutMs ?? TIMEOUT_MS, TIMEOUT_MAX_MS),
    helloTimeoutMs: options.helloTimeoutMs ?? HELLO_TIMEOUT_MS,
    patienceMs: options.patienceMs ?? PATIENCE_MS,
    ...more,
  };
}
