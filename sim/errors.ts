// The failures of this room that the world causes.

export type SimErrorCode = 'MELDMESH_SIM_SCENARIO' | 'MELDMESH_SIM_THREAD' | 'MELDMESH_SIM_RECORDING';

/** A simulation that cannot be run. The message says what to change. */
export class SimError extends Error {
  override readonly name = 'SimError';
  readonly code: SimErrorCode;

  constructor(code: SimErrorCode, text: string, cause?: unknown) {
    super(text, { cause });
    this.code = code;
  }
}
