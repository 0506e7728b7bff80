// How a failure reaches a person: one sentence, a stable code, what to do. Only this file knows how errors of
// other rooms, of the operating system and of the argument parser are told apart.
import { CommanderError } from 'commander';

export type CliErrorCode =
  | 'MELDMESH_USAGE'
  | 'MELDMESH_MANIFEST_INVALID'
  | 'MELDMESH_MANIFEST_FILE'
  | 'MELDMESH_INVITATION_FORM'
  | 'MELDMESH_INVITATION_VERSION'
  | 'MELDMESH_INVITATION_CUT'
  | 'MELDMESH_INVITATION_CONTENT'
  | 'MELDMESH_STORE_OTHER_MESH'
  | 'MELDMESH_STORE_EMPTY'
  | 'MELDMESH_STORE_FILE'
  | 'MELDMESH_FILE_EXISTS'
  | 'MELDMESH_MODEL_FILE'
  | 'MELDMESH_MESH_FAILED'
  | 'MELDMESH_MESH_DISAGREES'
  | 'MELDMESH_SIM_SCENARIO'
  | 'MELDMESH_SIM_FILE'
  | 'MELDMESH_SIM_SWEEP';

/** A failure of the command line's own: bad arguments, files of the wrong form, a mesh that did not get there. */
export class CliError extends Error {
  override readonly name = 'CliError';
  readonly code: CliErrorCode;
  /** What to do, as a sentence without its full stop; absent where the message says it. */
  readonly hint: string | undefined;

  constructor(code: CliErrorCode, message: string, options: ErrorOptions & { readonly hint?: string } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

export interface ErrorText {
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
}

const SYSTEM_HINTS: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space on this disk, or move the store with --store, and start again; nothing is lost',
  EDQUOT: 'Free some of your quota on this disk, or move the store with --store, and start again',
  EADDRINUSE: 'Stop the program that listens there, or choose another port with --listen',
  EADDRNOTAVAIL: 'This machine has no such address; choose another with --listen',
  EACCES: 'Check who owns it and its permissions, or choose another place',
  EPERM: 'Check who owns it and its permissions, or choose another place',
  EROFS: 'The disk is read-only; choose another place with --store',
  ENOENT: 'Check the path for typing errors',
  EISDIR: 'Give a file, not a folder',
  ENOTDIR: 'Check the path: a part of it is a file',
  EMFILE: 'Raise the limit of open files with `ulimit -n 4096`, or start fewer nodes',
};

/** Sorts any thrown value into code, sentence and what to do. */
export function errorText(error: unknown): ErrorText {
  if (error instanceof CliError) {
    return { code: error.code, message: error.message, hint: error.hint };
  }
  if (error instanceof CommanderError) return usageText(error);
  if (!(error instanceof Error)) return unexpected(String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code?.startsWith('MELDMESH_')) return { code, message: error.message, hint: undefined };
  if (code !== undefined && SYSTEM_HINTS[code] !== undefined) {
    return { code: `MELDMESH_${code}`, message: error.message, hint: SYSTEM_HINTS[code] };
  }
  return unexpected(error.message);
}

function unexpected(message: string): ErrorText {
  return {
    code: 'MELDMESH_UNEXPECTED',
    message: message === '' ? 'Something failed without saying what' : message,
    hint: 'Run it again with --debug to see where it happened, and report it',
  };
}

function usageText(error: CommanderError): ErrorText {
  // "error: unknown option '--peer'\n(Did you mean --peers?)" becomes one sentence.
  const [first, ...rest] = error.message.replace(/^error: /, '').split('\n');
  const suggestion = rest
    .join(' ')
    .trim()
    .replace(/^\(Did/, '(did');
  const message = `${first.charAt(0).toUpperCase()}${first.slice(1)}${suggestion === '' ? '' : ` ${suggestion}`}`;
  return { code: 'MELDMESH_USAGE', message, hint: 'See the flags and examples with --help' };
}

/** The lines that are printed: the message with its code, what to do, and the stacks when asked for. */
export function formatError(error: unknown, options: { readonly debug: boolean }): string {
  const { code, message, hint } = errorText(error);
  const sentence = /[.?!)]$/.test(message) ? message : `${message}.`;
  const lines = [`${code}: ${sentence}`];
  if (hint !== undefined) lines.push(`What to do: ${hint}.`);
  if (options.debug && error instanceof Error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? at.message);
  }
  return lines.join('\n');
}
