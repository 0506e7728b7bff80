// Every way in which an external trainer can fail its node, on one page: a stable code, and what a person can do.

const hints = {
  MELDMESH_TRAINER_COMMAND: 'correct the command; is that program installed, and is the path right?',
  MELDMESH_TRAINER_START: 'run the command by hand to see what it says, and correct it',
  MELDMESH_TRAINER_PROTOCOL: 'correct the trainer; docs/trainers.md says what it may write',
  MELDMESH_TRAINER_TIMEOUT: 'give it more time with --trainer-timeout, or less work',
  MELDMESH_TRAINER_EXITED: 'it is started again; its own words are in the log of the node',
  MELDMESH_TRAINER_RESULT: 'it is started again; correct the trainer if this happens in every round',
  MELDMESH_TRAINER_FAILED: 'it is asked again after a pause',
  MELDMESH_TRAINER_DISK: 'free some space on that disk; it is tried again after a pause',
  MELDMESH_TRAINER_STOPPED: 'start the node again to go on',
} as const;

export type TrainerErrorCode = keyof typeof hints;

/** The message is one sentence that says what happened and what to do. */
export class TrainerError extends Error {
  override readonly name = 'TrainerError';
  readonly code: TrainerErrorCode;

  constructor(code: TrainerErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }

  /** Whether the process can be asked again as it is. */
  get isHarmless(): boolean {
    return this.code === 'MELDMESH_TRAINER_FAILED' || this.code === 'MELDMESH_TRAINER_DISK';
  }
}

/** `what` is a clause without a full stop; what to do is added by code. */
export function trainerError(code: TrainerErrorCode, what: string, cause?: unknown): TrainerError {
  return new TrainerError(code, `${what}: ${hints[code]}`, cause);
}

export function isTrainerErrorCode(code: string): code is TrainerErrorCode {
  return Object.hasOwn(hints, code);
}
