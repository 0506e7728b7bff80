// From what LevelDB and the file system report to our own codes. LevelDB passes on only the text of the system's
// error, so some are told apart by that text.
import { codesOf, MeldError, type MeldErrorCode } from '../errors.ts';

const TEXTS: readonly (readonly [RegExp, MeldErrorCode])[] = [
  [/no space left|disk quota exceeded|file too large/i, 'MELDMESH_STORE_FULL'],
  [
    /permission denied|read-only file system|operation not permitted|not a directory/i,
    'MELDMESH_STORE_ACCESS',
  ],
  [/corruption/i, 'MELDMESH_STORE_CORRUPT'],
];

const CODES: Readonly<Record<string, MeldErrorCode>> = {
  LEVEL_LOCKED: 'MELDMESH_STORE_LOCKED',
  LEVEL_CORRUPTION: 'MELDMESH_STORE_CORRUPT',
  ENOSPC: 'MELDMESH_STORE_FULL',
  EDQUOT: 'MELDMESH_STORE_FULL',
  EACCES: 'MELDMESH_STORE_ACCESS',
  EPERM: 'MELDMESH_STORE_ACCESS',
  EROFS: 'MELDMESH_STORE_ACCESS',
  ENOTDIR: 'MELDMESH_STORE_ACCESS',
  EEXIST: 'MELDMESH_STORE_ACCESS',
};

const SENTENCES: Readonly<Partial<Record<MeldErrorCode, string>>> = {
  MELDMESH_STORE_LOCKED: 'is in use by another process',
  MELDMESH_STORE_FULL: 'could not be written, for the disk is full',
  MELDMESH_STORE_CORRUPT: 'is damaged',
  MELDMESH_STORE_ACCESS: 'cannot be opened by this user',
};

/** The error of a store folder, by the best clue among the causes. */
export function storeError(folder: string, cause: unknown): MeldError {
  if (cause instanceof MeldError) return cause;
  const code = codeOf(cause);
  return new MeldError(code, `The store ${folder} ${SENTENCES[code] ?? 'could not be used'}`, cause);
}

/** The same for the opening: a file that LevelDB misses there was lost. */
export function openError(folder: string, cause: unknown): MeldError {
  const error = storeError(folder, cause);
  if (error.code !== 'MELDMESH_STORE_FAILED' || !/no such file|does not exist/i.test(textOf(cause)))
    return error;
  return new MeldError('MELDMESH_STORE_CORRUPT', `The store ${folder} has lost a file`, cause);
}

function codeOf(cause: unknown): MeldErrorCode {
  for (const code of codesOf(cause)) if (Object.hasOwn(CODES, code)) return CODES[code];
  const text = textOf(cause);
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1] ?? 'MELDMESH_STORE_FAILED';
}

function textOf(cause: unknown): string {
  let text = '';
  let current = cause;
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    text += `${current.message}\n`;
    current = current.cause;
  }
  return text;
}
