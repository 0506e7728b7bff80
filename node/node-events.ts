// Typed events of a node: listeners by name, called in order. A listener that throws is the caller's mistake and
// is not caught.
import type { NodeEvents } from './api.ts';

type Listeners = { [K in keyof NodeEvents]: Set<(detail: NodeEvents[K]) => void> };

export class NodeEventBus {
  readonly #listeners: Listeners = {
    listening: new Set(),
    generation: new Set(),
    trained: new Set(),
    evaluated: new Set(),
    foreign: new Set(),
    peers: new Set(),
    notice: new Set(),
    settled: new Set(),
  };

  /** @returns what takes the listener away again */
  on<K extends keyof NodeEvents>(event: K, listener: (detail: NodeEvents[K]) => void): () => void {
    this.#listeners[event].add(listener);
    return () => this.#listeners[event].delete(listener);
  }

  emit<K extends keyof NodeEvents>(event: K, detail: NodeEvents[K]): void {
    for (const listener of [...this.#listeners[event]]) listener(detail);
  }
}
