// Memory for what members carry from round to round. A training thread writes it in place, the simulated disk keeps it as
// it is, and when no disk holds it any more it serves the next round: states are most of what a large world takes, and
// the collector does not see how large shared memory is.

const owners = new WeakMap<ArrayBufferLike, StateMemory>();

/** No disk holds a value in this memory any more. Memory that is not from here is left to the collector. */
export function giveBackMemory(memory: ArrayBufferLike): void {
  owners.get(memory)?.giveBack(memory);
}

export class StateMemory {
  readonly #bytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  /** By memory: rounds that still read it. */
  readonly #readers = new Map<ArrayBufferLike, number>();
  /** To be free when the last reader is done. */
  readonly #leaving = new Set<ArrayBufferLike>();

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** What is in it does not matter. */
  take(): Uint8Array<SharedArrayBuffer> {
    const memory = this.#free.pop() ?? new SharedArrayBuffer(this.#bytes);
    owners.set(memory, this);
    return new Uint8Array(memory);
  }

  /** It stays as it is until `release`. */
  hold({ buffer }: Uint8Array): void {
    this.#readers.set(buffer, (this.#readers.get(buffer) ?? 0) + 1);
  }

  release({ buffer }: Uint8Array): void {
    const readers = (this.#readers.get(buffer) ?? 0) - 1;
    if (readers > 0) {
      this.#readers.set(buffer, readers);
      return;
    }
    this.#readers.delete(buffer);
    if (this.#leaving.delete(buffer)) this.giveBack(buffer);
  }

  giveBack(memory: ArrayBufferLike): void {
    if (!(memory instanceof SharedArrayBuffer)) return;
    if (this.#readers.has(memory)) {
      this.#leaving.add(memory);
      return;
    }
    // Once only: what has two owners is written twice.
    if (owners.delete(memory)) this.#free.push(memory);
  }
}
