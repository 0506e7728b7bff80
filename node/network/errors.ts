// Failures of the world that the network can meet. Each has a stable code; peers' bad messages are not errors.

export type NetworkErrorCode =
  | 'MELDMESH_GOSSIP_TOO_LARGE'
  | 'MELDMESH_LISTEN_FAILED'
  | 'MELDMESH_ADDRESS_INVALID';

export class NetworkError extends Error {
  override readonly name = 'NetworkError';
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** An error of our own inside a callback of a library that would swallow it: let it end the process instead. */
export function crash(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
