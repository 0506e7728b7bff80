// Keeps writes in the order in which they were asked for: LevelDB alone does not, for its batches run on several
// threads. Writes that wait are merged into one batch, so that many small ones share one sync.
import type { StoreWrite } from '../../protocols/index.ts';

/** Larger batches stall the event loop while they are copied into LevelDB's memory. */
const GROUP_BYTES_MAX = 4 * 2 ** 20;

type Settle = (error: Error | undefined) => void;

interface Group {
  readonly values: Map<string, Uint8Array | undefined>;
  readonly settles: Settle[];
  bytes: number;
  sync: boolean;
}

export class WriteQueue {
  readonly #commit: (writes: readonly StoreWrite[], sync: boolean) => Promise<void>;
  /** The first one is being written. */
  readonly #groups: Group[] = [];
  #broken: Error | undefined;

  constructor(commit: (writes: readonly StoreWrite[], sync: boolean) => Promise<void>) {
    this.#commit = commit;
  }

  /** Values are copied. After a write that failed all later ones fail: a gap would be worse than an end. */
  push(batch: readonly StoreWrite[], sync: boolean, settle: Settle): void {
    if (this.#broken !== undefined) {
      const broken = this.#broken;
      queueMicrotask(() => settle(broken));
      return;
    }
    const bytes = batch.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    const group = this.#groupFor(bytes);
    for (const { key, value } of batch) group.values.set(key, value && new Uint8Array(value));
    group.bytes += bytes;
    group.sync ||= sync;
    group.settles.push(settle);
    if (this.#groups.length === 1) void this.#run();
  }

  /** The newest value that waits to be written; `held` is false where there is none. */
  pending(key: string): { readonly held: boolean; readonly value: Uint8Array | undefined } {
    for (let index = this.#groups.length - 1; index >= 0; index--) {
      const { values } = this.#groups[index];
      if (values.has(key)) return { held: true, value: values.get(key)?.slice() };
    }
    return { held: false, value: undefined };
  }

  /** Resolves when everything that waits now was written or has failed. */
  drained(): Promise<void> {
    const last = this.#groups.at(-1);
    if (last === undefined) return Promise.resolve();
    return new Promise((resolve) => last.settles.push(() => resolve()));
  }

  #groupFor(bytes: number): Group {
    const last = this.#groups[this.#groups.length - 1];
    if (this.#groups.length > 1 && last.bytes + bytes <= GROUP_BYTES_MAX) return last;
    const group: Group = { values: new Map(), settles: [], bytes: 0, sync: false };
    this.#groups.push(group);
    return group;
  }

  async #run(): Promise<void> {
    while (this.#groups.length > 0) {
      const group = this.#groups[0];
      const writes = Array.from(group.values, ([key, value]) => ({ key, value }));
      try {
        if (this.#broken === undefined) await this.#commit(writes, group.sync);
      } catch (error) {
        this.#broken = error instanceof Error ? error : new Error(String(error));
      }
      this.#groups.shift();
      for (const settle of group.settles) settle(this.#broken);
    }
  }
}
