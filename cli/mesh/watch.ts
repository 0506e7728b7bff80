// Watches the nodes of a mesh through their status sockets and nothing else. Nodes may go and come back; the
// watcher tells what it sees and decides nothing.
import { setTimeout as pause } from 'node:timers/promises';
import { type ControlClient, type ControlEvent, connectControl } from '../../node/index.ts';
import type { PlannedNode } from './plan.ts';
import { applyEvent, applyStatus, type NodeState, type NodeView, newView } from './view.ts';

/** A new process opens its socket about a second after its start. */
const RETRY_STARTING_MS = 100;
/** Somebody may start a lost node again. */
const RETRY_LOST_MS = 1_000;
/** Often enough for live counters, too seldom to cost anything. */
const STATUS_EVERY_MS = 500;

export interface WatchOptions {
  readonly nodes: readonly PlannedNode[];
  readonly startedAtMs: number;
  readonly onEvent: (view: NodeView, event: ControlEvent) => void;
  readonly onState: (view: NodeView, before: NodeState) => void;
}

export class MeshWatch {
  readonly views: readonly NodeView[];
  readonly #options: WatchOptions;
  readonly #clients = new Map<number, ControlClient>();
  readonly #exited = new Set<number>();
  readonly #closing = new AbortController();

  constructor(options: WatchOptions) {
    this.#options = options;
    this.views = options.nodes.map(newView);
  }

  start(): void {
    for (const view of this.views) void this.#follow(view);
  }

  /** The process of a node has ended; whether that is bad is seen by whether it still answers. */
  exited(index: number): void {
    this.#exited.add(index);
  }

  client(view: NodeView): ControlClient | undefined {
    return this.#clients.get(view.node.index);
  }

  /** Ask every node for its status now. */
  async refresh(): Promise<void> {
    await Promise.all(this.views.map((view) => this.#poll(view)));
  }

  close(): void {
    this.#closing.abort();
    for (const client of this.#clients.values()) client.close();
  }

  /** From now on a node that goes was asked to. */
  expectStop(): void {
    for (const view of this.views) if (view.state !== 'lost') this.#enter(view, 'stopped');
  }

  #enter(view: NodeView, state: NodeState): void {
    const before = view.state;
    if (before === state || before === 'stopped') return;
    view.state = state;
    this.#options.onState(view, before);
  }

  async #follow(view: NodeView): Promise<void> {
    while (!this.#closing.signal.aborted) {
      const client = await connectControl(view.node.store).catch(() => undefined);
      if (client !== undefined) {
        this.#exited.delete(view.node.index);
        this.#clients.set(view.node.index, client);
        await this.#listen(view, client).catch(() => undefined);
        client.close();
        this.#clients.delete(view.node.index);
        this.#enter(view, 'lost');
      } else if (this.#exited.has(view.node.index)) {
        this.#enter(view, 'lost');
      }
      await this.#sleep(view.state === 'starting' ? RETRY_STARTING_MS : RETRY_LOST_MS);
    }
  }

  async #listen(view: NodeView, client: ControlClient): Promise<void> {
    let gone = false;
    const closed = client.closed.then(() => {
      gone = true;
    });
    const hear = (event: ControlEvent): void => {
      applyEvent(view, event, this.#options.startedAtMs);
      this.#options.onEvent(view, event);
    };
    await client.events(hear, { keepModels: true });
    while (!gone && !this.#closing.signal.aborted) {
      await this.#poll(view);
      await Promise.race([closed, this.#sleep(STATUS_EVERY_MS)]);
    }
  }

  async #poll(view: NodeView): Promise<void> {
    const client = this.client(view);
    if (client === undefined) return;
    try {
      applyStatus(view, await client.status());
      this.#enter(view, 'live');
    } catch (error) {
      const timedOut = error instanceof Error && 'code' in error && error.code === 'MELDMESH_CONTROL_TIMEOUT';
      if (timedOut) this.#enter(view, 'silent');
    }
  }

  async #sleep(ms: number): Promise<void> {
    await pause(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined);
  }
}
