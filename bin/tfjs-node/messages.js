// Failures of the set-up: a stable code, what happened, and what to do.

/** `details` is what a program that was run had to say; only its end is shown. */
export class SetupError extends Error {
  constructor(code, text, advice, details = '') {
    super(text);
    this.name = 'SetupError';
    this.code = code;
    this.advice = advice;
    this.details = details;
  }
}

const DETAIL_LINES = 15;
/** What the file system says that has a plain meaning. */
const MEANINGS = {
  ENOSPC: ['MELDMESH_SETUP_DISK', 'the disk is full', 'free about 1 GB, or move MELDMESH_TFJS_NODE_CACHE'],
  EACCES: ['MELDMESH_SETUP_RIGHTS', 'a folder may not be written', 'run as the user who owns it'],
  EPERM: ['MELDMESH_SETUP_RIGHTS', 'a folder may not be written', 'run as the user who owns it'],
  EROFS: ['MELDMESH_SETUP_RIGHTS', 'a folder may not be written', 'move MELDMESH_TFJS_NODE_CACHE'],
};

/** The lines to print. An error that is not the world's shows its stack: it is a mistake of the script. */
export function describeError(error) {
  const meaning = MEANINGS[error.code];
  if (meaning !== undefined) {
    const [code, text, advice] = meaning;
    return describeError(new SetupError(code, `${text} (${error.message})`, advice));
  }
  if (!(error instanceof SetupError)) return error.stack ?? String(error);
  const details = error.details
    .trimEnd()
    .split('\n')
    .slice(-DETAIL_LINES)
    .filter((line) => line !== '')
    .map((line) => `  | ${line}\n`);
  return `${details.join('')}${error.code}: ${error.message}.\nWhat to do: ${error.advice}.`;
}

export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/** Seconds since `startMs`, which is a `performance.now()`. */
export const secondsSince = (startMs) => `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
