// The little of the WebAssembly interface that the kernels need, typed here: the types of Node.js leave it to the DOM's.

export interface WasmMemory {
  readonly buffer: ArrayBuffer;
}

interface WasmInstance {
  readonly exports: Readonly<Record<string, unknown>>;
}

/** Code that is compiled and belongs to no memory yet. */
export type WasmModule = object;

interface WasmInterface {
  readonly Memory: new (pages: { readonly initial: number; readonly maximum: number }) => WasmMemory;
  readonly Module: new (bytes: Uint8Array) => WasmModule;
  readonly Instance: new (
    module: WasmModule,
    imports: { readonly env: { readonly memory: WasmMemory } },
  ) => WasmInstance;
}

declare const WebAssembly: WasmInterface;

export const wasm = WebAssembly;
