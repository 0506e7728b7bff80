// A memory of the kernels' own that is laid out once: pieces one behind the other, none ever freed, so that views stay
// valid for its whole life.
import assert from 'node:assert/strict';
import { LearningError } from '../errors.ts';
import { instantiateKernels, type Kernels, STACK_BYTES } from './module.ts';
import { wasm } from './web-assembly.ts';

const PAGE_BYTES = 65_536;
/** A cache line: no piece shares one with another. */
const ALIGNMENT = 64;

export interface Arena {
  readonly kernels: Kernels;
  readonly buffer: ArrayBuffer;
}

/** Addresses for pieces of memory, before there is any. */
export class ArenaPlan {
  // Nothing lies at address 0, so 0 can stand for "absent".
  #end = ALIGNMENT + STACK_BYTES;
  readonly #stackEnd = this.#end;

  /** The address of a new piece. */
  add(bytes: number): number {
    assert(Number.isSafeInteger(bytes) && bytes >= 0);
    const address = this.#end;
    this.#end = Math.ceil((address + bytes) / ALIGNMENT) * ALIGNMENT;
    return address;
  }

  /** Throws a LearningError where the machine, or 32-bit addresses, have no room. */
  build(): Arena {
    try {
      const pages = Math.ceil(this.#end / PAGE_BYTES);
      const memory = new wasm.Memory({ initial: pages, maximum: pages });
      return { kernels: instantiateKernels(memory, this.#stackEnd), buffer: memory.buffer };
    } catch (cause) {
      const mebibytes = Math.ceil(this.#end / 2 ** 20);
      const text = `training would need ${mebibytes} MiB of WebAssembly memory: use a smaller batch or --backend node`;
      throw new LearningError('MELDMESH_LEARNING_MEMORY', text, cause);
    }
  }
}
