// The status socket of a running node: JSON lines on a unix socket in its store folder, for the database is
// locked while the node runs. It watches the node through its public door and knows nothing of protocols.
import { once } from 'node:events';
import { chmod, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { MeldNode, NodeEvents } from './api.ts';
import {
  BACKLOG_BYTES_MAX,
  CLIENTS_MAX,
  type ControlAnswers,
  ControlError,
  type ControlEvent,
  type ControlRequest,
  decodeRequest,
  isSystemError,
  KEPT_MODELS_MAX,
  lineSplitter,
  PAST_EVENTS_MAX,
  POINTER_NAME,
  REQUEST_BYTES_MAX,
  SOCKET_NAME,
  SOCKET_PATH_BYTES_MAX,
} from './control-messages.ts';

export interface ControlOptions {
  /** The node's store folder; it exists. */
  readonly store: string;
  readonly node: Pick<MeldNode, 'on' | 'status' | 'model' | 'manifest'>;
  /** Somebody asked the node to stop. Called at most once. */
  readonly onStop: () => void;
}

export interface ControlServer {
  /** Where the socket really lies. */
  readonly path: string;
  /** Clients that listen to events now. */
  watchers(): number;
  /** Closes all clients and removes the socket. Safe to call twice. */
  close(): Promise<void>;
}

const EVENTS = {
  listening: true,
  generation: true,
  trained: true,
  evaluated: true,
  foreign: true,
  peers: true,
  notice: true,
  settled: true,
} as const satisfies Record<keyof NodeEvents, true>;

/**
 * Opens the status socket of a node, mode 600, and answers until `close`. A socket left by a dead process is
 * replaced. Start it before the node, so that no event is missed.
 * @throws ControlError MELDMESH_STORE_LOCKED when another process answers on this store's socket
 */
export async function startControl(options: ControlOptions): Promise<ControlServer> {
  const place = await placeOf(options.store);
  const desk = new ControlDesk(options);
  const server = createServer((socket) => desk.welcome(socket));
  await listen(server, place.path);
  await chmod(place.path, 0o600);
  server.unref();
  let closing: Promise<void> | undefined;
  return {
    path: place.path,
    watchers: () => desk.watchers(),
    close: () => {
      closing ??= shutDown(server, desk, place);
      return closing;
    },
  };
}

interface Place {
  readonly path: string;
  readonly pointer: string | undefined;
}

async function placeOf(store: string): Promise<Place> {
  const path = join(store, SOCKET_NAME);
  const pointer = join(store, POINTER_NAME);
  if (Buffer.byteLength(path) <= SOCKET_PATH_BYTES_MAX) {
    await rm(pointer, { force: true });
    return { path, pointer: undefined };
  }
  // The folder is made by mkdtemp with mode 700, so nobody else can put a socket there first.
  const folder = await mkdtemp(join(tmpdir(), 'meldmesh-'));
  const short = join(folder, SOCKET_NAME);
  await writeFile(pointer, `${short}\n`, { mode: 0o600 });
  return { path: short, pointer };
}

async function listen(server: Server, path: string): Promise<void> {
  try {
    await listenOnce(server, path);
  } catch (cause) {
    if (!isSystemError(cause, 'EADDRINUSE')) throw cause;
    if (await answers(path)) {
      throw new ControlError(
        'MELDMESH_STORE_LOCKED',
        `Another node answers on ${path}; stop it with Ctrl-C in its terminal or give this one another --store.`,
        { cause },
      );
    }
    await unlink(path);
    await listenOnce(server, path);
  }
}

async function listenOnce(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, 'listening');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createConnection(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
}

async function shutDown(server: Server, desk: ControlDesk, place: Place): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  await desk.close();
  await closed;
  await rm(place.path, { force: true });
  if (place.pointer !== undefined) {
    await rm(place.pointer, { force: true });
    await rm(dirname(place.path), { recursive: true, force: true });
  }
}

/** All clients of one node and what is kept for them. */
class ControlDesk {
  readonly #options: ControlOptions;
  readonly #clients = new Set<Socket>();
  /** Watchers; the value says whether they want models kept. */
  readonly #watchers = new Map<Socket, boolean>();
  readonly #leave: (() => void)[] = [];
  #past: ControlEvent[] = [];
  #models: { generation: number; digest: string; weights: Float32Array }[] = [];
  #stopAsked = false;

  constructor(options: ControlOptions) {
    this.#options = options;
    for (const event of Object.keys(EVENTS) as (keyof NodeEvents)[]) this.#listen(event);
  }

  #listen<K extends keyof NodeEvents>(event: K): void {
    const hear = (detail: NodeEvents[K]): void => {
      // The mapped union cannot be built from a generic key without this one cast.
      const line = { event, atMs: Date.now(), detail } as unknown as ControlEvent;
      this.#hear(line);
    };
    this.#leave.push(this.#options.node.on(event, hear));
  }

  #hear(heard: ControlEvent): void {
    let event = heard;
    if (heard.event === 'generation') {
      const { bytesIn, bytesOut, deltasHeard } = this.#options.node.status();
      event = { ...heard, counts: { bytesIn, bytesOut, deltasHeard } };
      this.#past.push(event);
      if (this.#past.length > PAST_EVENTS_MAX) this.#past = this.#past.slice(-PAST_EVENTS_MAX);
      this.#keepModel(heard.detail);
    }
    const line = `${JSON.stringify(event)}\n`;
    for (const socket of this.#watchers.keys()) this.#send(socket, line);
  }

  /** Keeps a copy of the model of this event, if anybody wants one and the node is still at it. */
  #keepModel(detail: NodeEvents['generation']): void {
    if (![...this.#watchers.values()].includes(true)) return;
    const { digest } = detail;
    if (this.#models.some((kept) => kept.digest === digest)) return;
    if (this.#options.node.status().digest !== digest) return;
    this.#models.push({ generation: detail.generation, digest, weights: this.#options.node.model() });
    if (this.#models.length > KEPT_MODELS_MAX) this.#models.shift();
  }

  watchers(): number {
    return this.#watchers.size;
  }

  welcome(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#clients.size >= CLIENTS_MAX) {
      const message = `This node already serves ${CLIENTS_MAX} status clients; close one and try again.`;
      socket.resume();
      socket.end(`${JSON.stringify({ id: 0, error: { code: 'MELDMESH_CONTROL_BUSY', message } })}\n`);
      return;
    }
    this.#clients.add(socket);
    socket.on('close', () => {
      this.#clients.delete(socket);
      this.#watchers.delete(socket);
      if (this.#watchers.size === 0) this.#models = [];
    });
    socket.on(
      'data',
      lineSplitter({
        bytesMax: REQUEST_BYTES_MAX,
        onLine: (line) => this.#answer(socket, line),
        onOverflow: () => socket.destroy(),
      }),
    );
  }

  #answer(socket: Socket, line: string): void {
    const request = decodeRequest(line);
    if (typeof request === 'string') {
      this.#refuse(socket, {
        id: 0,
        code: 'MELDMESH_CONTROL_REQUEST',
        message: `Not understood: ${request}.`,
      });
      return;
    }
    switch (request.call) {
      case 'status':
        this.#reply(socket, request.id, this.#options.node.status());
        return;
      case 'events':
        this.#reply(socket, request.id, {});
        for (const event of this.#past) this.#send(socket, `${JSON.stringify(event)}\n`);
        this.#watchers.set(socket, request.keepModels);
        return;
      case 'model':
        this.#answerModel(socket, request);
        return;
      case 'stop':
        this.#reply(socket, request.id, {});
        if (!this.#stopAsked) {
          this.#stopAsked = true;
          this.#options.onStop();
        }
    }
  }

  #answerModel(socket: Socket, request: ControlRequest & { readonly call: 'model' }): void {
    const { generation, digest } = request;
    const kept = this.#models.findLast(
      (model) =>
        (generation === undefined || model.generation === generation) &&
        (digest === undefined || model.digest === digest),
    );
    const status = this.#options.node.status();
    const isCurrent =
      (generation === undefined || generation === status.generation) &&
      (digest === undefined || digest === status.digest);
    if (isCurrent) {
      const { generation, digest } = status;
      this.#replyModel(socket, request.id, { generation, digest, weights: this.#options.node.model() });
    } else if (kept !== undefined) {
      this.#replyModel(socket, request.id, kept);
    } else {
      const message = `This node is at generation ${status.generation} and keeps no such model; ask for a newer one.`;
      this.#refuse(socket, { id: request.id, code: 'MELDMESH_MODEL_GONE', message });
    }
  }

  #replyModel(
    socket: Socket,
    id: number,
    model: { readonly generation: number; readonly digest: string; readonly weights: Float32Array },
  ): void {
    const { buffer, byteOffset, byteLength } = model.weights;
    const weights = Buffer.from(buffer, byteOffset, byteLength).toString('base64');
    const manifest = this.#options.node.manifest();
    this.#reply(socket, id, { generation: model.generation, digest: model.digest, weights, manifest });
  }

  #reply(socket: Socket, id: number, ok: ControlAnswers[keyof ControlAnswers]): void {
    this.#send(socket, `${JSON.stringify({ id, ok })}\n`);
  }

  #refuse(
    socket: Socket,
    refusal: { readonly id: number; readonly code: string; readonly message: string },
  ): void {
    const { id, code, message } = refusal;
    this.#send(socket, `${JSON.stringify({ id, error: { code, message } })}\n`);
  }

  #send(socket: Socket, line: string): void {
    if (socket.destroyed || socket.writableEnded) return;
    if (socket.writableLength > BACKLOG_BYTES_MAX) socket.destroy();
    else socket.write(line);
  }

  async close(): Promise<void> {
    for (const leave of this.#leave) leave();
    for (const socket of this.#clients) {
      // What is still queued (the answer to `stop`) goes out; a client that does not read does not hold us up.
      socket.end();
      const cut = setTimeout(() => socket.destroy(), 200);
      socket.once('close', () => clearTimeout(cut));
    }
  }
}
