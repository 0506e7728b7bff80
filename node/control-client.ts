// The other end of a node's status socket. It knows the lines of `control-messages.ts` and nothing of nodes.
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import type { NodeStatus } from './api.ts';
import {
  ANSWER_BYTES_MAX,
  type ControlAnswers,
  ControlError,
  type ControlEvent,
  type ControlModel,
  isSystemError,
  lineSplitter,
  socketPathOf,
} from './control-messages.ts';

/** A busy node answers within milliseconds; one that hangs is reported after this. */
const ANSWER_TIMEOUT_MS = 15_000;

export interface ControlClient {
  status(): Promise<NodeStatus>;
  /**
   * Hear every event from now on, after the past `generation` events. With `keepModels` the node keeps the
   * models of its last four generations for `model`.
   */
  events(listener: (event: ControlEvent) => void, options?: { readonly keepModels?: boolean }): Promise<void>;
  /** The model of one digest or generation; without either, the newest. */
  model(which?: { readonly generation?: number; readonly digest?: string }): Promise<ControlModel>;
  /** Ask the node to stop cleanly. Answered when it has heard, not when it is done: see `closed`. */
  stop(): Promise<void>;
  close(): void;
  /** Settles when the connection is gone, for whatever reason. */
  readonly closed: Promise<void>;
}

/**
 * Connects to the node that runs on a store folder.
 * @throws ControlError MELDMESH_NOT_RUNNING when none does, MELDMESH_CONTROL_FAILED for other failures
 */
export async function connectControl(store: string): Promise<ControlClient> {
  const path = socketPathOf(store);
  const socket = createConnection(path);
  try {
    await once(socket, 'connect');
  } catch (cause) {
    throw isSystemError(cause, 'ENOENT', 'ECONNREFUSED', 'ENOTDIR', 'ENOTSOCK')
      ? new ControlError(
          'MELDMESH_NOT_RUNNING',
          `No node is running on the store ${store}; start it with \`meldmesh join\` or name another --store.`,
          { cause },
        )
      : new ControlError(
          'MELDMESH_CONTROL_FAILED',
          `The status socket ${path} cannot be used; check who owns it and try again.`,
          { cause },
        );
  }
  return new SocketClient(socket, store);
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

class SocketClient implements ControlClient {
  readonly closed: Promise<void>;
  readonly #socket: Socket;
  readonly #store: string;
  readonly #waiting = new Map<number, Waiting>();
  #listener: ((event: ControlEvent) => void) | undefined;
  #nextId = 1;

  constructor(socket: Socket, store: string) {
    this.#socket = socket;
    this.#store = store;
    socket.on('error', () => socket.destroy());
    socket.on(
      'data',
      lineSplitter({
        bytesMax: ANSWER_BYTES_MAX,
        onLine: (line) => this.#hear(line),
        onOverflow: () => socket.destroy(),
      }),
    );
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(this.#gone());
        resolve();
      });
    });
  }

  status(): Promise<NodeStatus> {
    return this.#ask('status', {});
  }

  async events(
    listener: (event: ControlEvent) => void,
    options: { readonly keepModels?: boolean } = {},
  ): Promise<void> {
    this.#listener = listener;
    await this.#ask('events', { keepModels: options.keepModels === true });
  }

  async model(which: { readonly generation?: number; readonly digest?: string } = {}): Promise<ControlModel> {
    const { generation, digest, weights, manifest } = await this.#ask('model', which);
    const bytes = Buffer.from(weights, 'base64');
    const copy = new Float32Array(bytes.length / 4);
    new Uint8Array(copy.buffer).set(bytes);
    return { generation, digest, weights: copy, manifest };
  }

  async stop(): Promise<void> {
    await this.#ask('stop', {});
  }

  close(): void {
    this.#socket.destroy();
  }

  #ask<K extends keyof ControlAnswers>(call: K, fields: object): Promise<ControlAnswers[K]> {
    if (this.#socket.destroyed) return Promise.reject(this.#gone());
    const id = this.#nextId;
    this.#nextId += 1;
    return new Promise<ControlAnswers[K]>((resolve, reject) => {
      const timer = setTimeout(() => {
        const text = `The node on ${this.#store} has not answered for ${ANSWER_TIMEOUT_MS / 1000} s; look at its log.`;
        this.#settle(id)?.reject(new ControlError('MELDMESH_CONTROL_TIMEOUT', text));
      }, ANSWER_TIMEOUT_MS);
      // The answer comes from our own node over a socket that only this user can open; its shape is trusted.
      const waiting = { resolve: resolve as (value: unknown) => void, reject, timer };
      this.#waiting.set(id, waiting);
      this.#socket.write(`${JSON.stringify({ id, call, ...fields })}\n`);
    });
  }

  #hear(line: string): void {
    let message: Partial<Record<string, unknown>>;
    try {
      message = JSON.parse(line);
    } catch {
      this.#socket.destroy();
      return;
    }
    if (typeof message.event === 'string') {
      this.#listener?.(message as unknown as ControlEvent);
      return;
    }
    const { id, error, ok } = message;
    if (isRefusal(error)) {
      const refusal = new ControlError(error.code, error.message);
      if (id === 0) for (const waiting of [...this.#waiting.keys()]) this.#settle(waiting)?.reject(refusal);
      else this.#settle(id)?.reject(refusal);
      return;
    }
    this.#settle(id)?.resolve(ok);
  }

  #settle(id: unknown): Waiting | undefined {
    if (typeof id !== 'number') return undefined;
    const waiting = this.#waiting.get(id);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    return waiting;
  }

  #gone(): ControlError {
    return new ControlError(
      'MELDMESH_NOT_RUNNING',
      `The node on the store ${this.#store} has gone; look at the end of its log for the reason.`,
    );
  }
}

function isRefusal(value: unknown): value is { readonly code: string; readonly message: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    'message' in value &&
    typeof value.message === 'string'
  );
}
