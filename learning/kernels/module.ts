// Our WebAssembly as functions over a memory: its own, or that of TensorFlow.js. Pointers are byte addresses in it.
import { wasmBase64 } from './wasm-bytes.ts';
import { type WasmMemory, type WasmModule, wasm } from './web-assembly.ts';

/** The functions of `c/`, where each is described. */
export interface Kernels {
  stackForward(stack: number): void;
  stackTrain(stack: number): number;
  matmul(
    left: number,
    right: number,
    bias: number,
    out: number,
    panels: number,
    rows: number,
    columns: number,
    depth: number,
    leftTransposed: number,
    rightTransposed: number,
    activation: number,
  ): void;
  denseGradient(
    gradient: number,
    output: number,
    sumsGradient: number,
    biasGradient: number,
    rows: number,
    columns: number,
    activation: number,
  ): void;
  softmaxCrossEntropy(
    logits: number,
    labels: number,
    gradient: number,
    samples: number,
    classes: number,
  ): number;
  sgd(
    weights: number,
    velocity: number,
    gradient: number,
    count: number,
    rate: number,
    momentum: number,
  ): void;
  adam(
    weights: number,
    first: number,
    second: number,
    gradient: number,
    count: number,
    rate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    correction1: number,
    correction2: number,
  ): void;
}

/** How the kernels number what follows a sum. */
export const ACTIVATIONS = { linear: 0, relu: 1, tanh: 2 } as const;

/** Steps of a panel of the right factor take this many floats; a product needs room for one such row a step. */
export const PANEL_FLOATS = 16;

/** Room for the compiler's stack, which grows down from its end: a few structures, no recursion. */
export const STACK_BYTES = 4_096;

let compiled: WasmModule | undefined;

/** `stackEnd` is the end of STACK_BYTES in the memory that nobody else uses, divisible by 16. */
export function instantiateKernels(memory: WasmMemory, stackEnd: number): Kernels {
  compiled ??= new wasm.Module(Buffer.from(wasmBase64, 'base64'));
  const { exports } = new wasm.Instance(compiled, { env: { memory } });
  (exports.__stack_pointer as { value: number }).value = stackEnd;
  return exports as unknown as Kernels;
}
