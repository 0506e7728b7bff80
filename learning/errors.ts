// The failures of this room that the world causes: files that are not what they should be, and training that
// left the numbers. It knows no file system; `file` is whatever name the caller gave.

/** What can be wrong with data, stable for programs that react to it. */
export type DataErrorCode =
  | 'MELDMESH_DATA_FORMAT'
  | 'MELDMESH_DATA_SHAPE'
  | 'MELDMESH_DATA_LABEL'
  | 'MELDMESH_DATA_NOT_FINITE'
  | 'MELDMESH_DATA_TOO_LARGE'
  | 'MELDMESH_DATA_PARTITION'
  | 'MELDMESH_DATA_FILE';

export interface DataErrorPlace {
  readonly file: string;
  /** Line of a text file or sample of a binary one, counted from 1. */
  readonly row?: number;
  /** Name or number, counted from 1, of the column or of the value within the sample. */
  readonly column?: string | number;
  readonly cause?: unknown;
}

/** A data file that cannot be used. The message opens with the file and, where known, row and column. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly code: DataErrorCode;
  readonly file: string;
  readonly row: number | undefined;
  readonly column: string | number | undefined;

  constructor(code: DataErrorCode, text: string, place: DataErrorPlace) {
    const row = place.row === undefined ? '' : `, row ${place.row}`;
    const column = place.column === undefined ? '' : `, column ${place.column}`;
    super(`${place.file}${row}${column}: ${text}`, { cause: place.cause });
    this.code = code;
    this.file = place.file;
    this.row = place.row;
    this.column = place.column;
  }
}

export type LearningErrorCode =
  | 'MELDMESH_LEARNING_BACKEND'
  | 'MELDMESH_LEARNING_DIVERGED'
  | 'MELDMESH_LEARNING_STATE'
  | 'MELDMESH_LEARNING_PAYLOAD'
  | 'MELDMESH_LEARNING_FOREIGN'
  | 'MELDMESH_LEARNING_LABEL'
  | 'MELDMESH_LEARNING_MEMORY'
  | 'MELDMESH_LEARNING_WORKER';

/** Training, evaluation or their worker cannot go on. */
export class LearningError extends Error {
  override readonly name = 'LearningError';
  readonly code: LearningErrorCode;

  constructor(code: LearningErrorCode, text: string, cause?: unknown) {
    super(text, { cause });
    this.code = code;
  }
}
