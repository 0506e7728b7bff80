// The lines that pass through a node's status socket, and where that socket lies. One JSON object a line; the
// file knows nothing of what a node is besides the types of its public door.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../protocols/index.ts';
import type { ByteCounts, NodeEvents, NodeStatus } from './api.ts';

/** A request is a few dozen bytes; what is longer is no request of ours. */
export const REQUEST_BYTES_MAX = 16_384;
/** An answer may carry a whole model in base64: 512 MiB of line is a model of about 100 million numbers. */
export const ANSWER_BYTES_MAX = 536_870_912;
/** A status query, a watcher or two and a health check; more is a loop that forgot to close. */
export const CLIENTS_MAX = 32;
/** A watcher that does not read is cut off once so much waits for it. */
export const BACKLOG_BYTES_MAX = 67_108_864;
/** Past `generation` events that a new watcher is told. */
export const PAST_EVENTS_MAX = 1_000;
/** Models kept for watchers that ask for them a moment after the event. */
export const KEPT_MODELS_MAX = 4;
/** Unix socket paths end at 104 (macOS) or 108 (Linux) bytes. */
export const SOCKET_PATH_BYTES_MAX = 100;

export const SOCKET_NAME = 'control.sock';
/** Holds the socket's path where the store's own path is too long for one. */
export const POINTER_NAME = 'control.path';

export type ControlRequest =
  | { readonly id: number; readonly call: 'status' | 'stop' }
  | { readonly id: number; readonly call: 'events'; readonly keepModels: boolean }
  | {
      readonly id: number;
      readonly call: 'model';
      readonly generation: number | undefined;
      readonly digest: string | undefined;
    };

/** What the node's counters said when an event happened. */
export interface EventCounts {
  readonly bytesIn: ByteCounts;
  readonly bytesOut: ByteCounts;
  readonly deltasHeard: number;
}

/** One event of a node as a watcher hears it. `atMs` is the wall clock of the node's machine. */
export type ControlEvent = {
  readonly [K in keyof NodeEvents]: {
    readonly event: K;
    readonly atMs: number;
    readonly detail: NodeEvents[K];
    /** Only with `generation`. */
    readonly counts?: EventCounts;
  };
}[keyof NodeEvents];

/** A model as it was at one generation. */
export interface ControlModel {
  readonly generation: number;
  readonly digest: string;
  readonly weights: Float32Array;
  /** Of the mesh; absent as long as the node itself does not know it. */
  readonly manifest?: Manifest;
}

export interface ControlAnswers {
  readonly status: NodeStatus;
  readonly events: Record<string, never>;
  readonly model: Omit<ControlModel, 'weights'> & { readonly weights: string };
  readonly stop: Record<string, never>;
}

/** The world's failures around the status socket; `code` is stable. */
export class ControlError extends Error {
  override readonly name = 'ControlError';
  readonly code: string;
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The socket that belongs to a store: the pointer file's, or the one in the folder itself. */
export function socketPathOf(store: string): string {
  try {
    const path = readFileSync(join(store, POINTER_NAME), 'utf8').trim();
    if (path !== '') return path;
  } catch (cause) {
    if (!isSystemError(cause, 'ENOENT', 'ENOTDIR')) throw cause;
  }
  return join(store, SOCKET_NAME);
}

/** Reads one request line; what it is not, as text. */
export function decodeRequest(line: string): ControlRequest | string {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return 'a request is one JSON object a line';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'a request is a JSON object';
  const fields: Partial<Record<string, unknown>> = { ...value };
  const id = fields.id ?? 0;
  if (typeof id !== 'number') return 'the id of a request is a number';
  switch (fields.call) {
    case 'status':
    case 'stop':
      return { id, call: fields.call };
    case 'events':
      return { id, call: 'events', keepModels: fields.keepModels === true };
    case 'model': {
      const { generation, digest } = fields;
      if (generation !== undefined && typeof generation !== 'number') return 'a generation is a number';
      if (digest !== undefined && typeof digest !== 'string') return 'a digest is a text';
      return { id, call: 'model', generation, digest };
    }
    default:
      return 'the calls are status, events, model and stop';
  }
}

/**
 * Cuts a stream of bytes into lines. `onOverflow` is called once when a line grows over `bytesMax`; nothing is
 * kept after that.
 */
export function lineSplitter(options: {
  readonly bytesMax: number;
  readonly onLine: (line: string) => void;
  readonly onOverflow: () => void;
}): (chunk: Uint8Array) => void {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let overflown = false;
  return (chunk) => {
    let rest = chunk;
    while (!overflown && rest.length > 0) {
      const end = rest.indexOf(10);
      const piece = end < 0 ? rest : rest.subarray(0, end);
      bytes += piece.length;
      if (bytes > options.bytesMax) {
        overflown = true;
        parts = [];
        options.onOverflow();
        return;
      }
      parts.push(piece);
      if (end < 0) return;
      const line = Buffer.concat(parts, bytes).toString('utf8');
      parts = [];
      bytes = 0;
      rest = rest.subarray(end + 1);
      options.onLine(line);
    }
  };
}

/** Whether an error is the operating system's, with one of these codes. */
export function isSystemError(error: unknown, ...codes: readonly string[]): boolean {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
  );
}
