// Our kernels in the memory of TensorFlow.js's WASM backend, so that they work on its tensors where they lie.
import assert from 'node:assert/strict';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';
import type { TensorInfo } from '@tensorflow/tfjs-core';
import { instantiateKernels, type Kernels, STACK_BYTES } from './module.ts';
import type { WasmMemory } from './web-assembly.ts';

/** What its compiler adds to the module and the package's types leave out. */
interface Allocator {
  readonly asm: { readonly memory: WasmMemory };
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/** One to each backend: it holds a little of the backend's memory for good. */
export class TensorMemory {
  readonly backend: BackendWasm;
  readonly kernels: Kernels;
  readonly #allocator: Allocator;
  #scratch = 0;
  #scratchBytes = 0;

  constructor(backend: BackendWasm) {
    this.backend = backend;
    this.#allocator = backend.wasm as unknown as Allocator;
    const stack = this.#allocate(STACK_BYTES + 16);
    this.kernels = instantiateKernels(
      this.#allocator.asm.memory,
      Math.floor((stack + STACK_BYTES + 16) / 16) * 16,
    );
  }

  /** Where the values of a tensor begin. */
  address(tensor: TensorInfo): number {
    return this.backend.dataIdMap.get(tensor.dataId).memoryOffset;
  }

  /** A new tensor whose values are whatever was there. */
  output(shape: readonly number[]): TensorInfo {
    return this.backend.makeOutput([...shape], 'float32');
  }

  /** Room that is valid until it is asked for again. */
  scratch(bytes: number): number {
    if (bytes > this.#scratchBytes) {
      if (this.#scratch !== 0) this.#allocator._free(this.#scratch);
      this.#scratch = this.#allocate(bytes);
      this.#scratchBytes = bytes;
    }
    return this.#scratch;
  }

  #allocate(bytes: number): number {
    const address = this.#allocator._malloc(bytes) >>> 0;
    assert(address !== 0, 'the backend has memory left');
    return address;
  }
}
