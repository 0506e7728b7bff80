// Starts TensorFlow.js on one of its backends, on this thread. Each is loaded only when it is chosen.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from './backend-choice.ts';

const require = createRequire(import.meta.url);

/**
 * Makes this backend the one of the thread. Throws what keeps it from starting, with a first line that can be shown;
 * where the optional package of `node` is not installed, that is Node's ERR_MODULE_NOT_FOUND.
 */
export async function startBackend(name: BackendName): Promise<void> {
  // Production mode: no advertisement on first use, no scan of every tensor for NaN.
  tf.enableProdMode();
  await START[name]();
}

/** Whether somebody has started TensorFlow.js on this thread. */
export function isBackendRunning(): boolean {
  return Boolean(tf.getBackend());
}

const START: Readonly<Record<BackendName, () => Promise<void>>> = {
  node: async () => {
    // Not a literal: the package is optional and has no types where it is not installed.
    const packageName: string = '@tensorflow/tfjs-node';
    import.meta.resolve(packageName);
    checkOldCalls(util);
    try {
      await import(packageName);
    } catch (cause) {
      throw isMissingBinding(cause) ? new Error(BINDING_ADVICE, { cause }) : cause;
    }
    await use('tensorflow');
  },
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(join(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')), '/'));
    // The threaded build needs browser workers; this one has SIMD and one thread.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    await use('wasm');
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await use('cpu');
  },
};

const BINDING_ADVICE = 'the native part of @tensorflow/tfjs-node is missing; run `npm run setup:tfjs-node`';

/** Throws where Node's `util` has lost the functions that tfjs-node calls; they went with Node 23. */
export function checkOldCalls(functions: object): void {
  if ('isNullOrUndefined' in functions) return;
  throw new Error('@tensorflow/tfjs-node works up to Node 22, and this Node is newer');
}

/** The package is there, but what is compiled is not: the binding itself, or the library that it is linked with. */
function isMissingBinding(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return /native addon module/.test(cause.message) || ('code' in cause && cause.code === 'ERR_DLOPEN_FAILED');
}

async function use(registered: string): Promise<void> {
  const works = await tf.setBackend(registered);
  await tf.ready();
  assert(works && tf.getBackend() === registered, `TensorFlow.js has no working backend "${registered}"`);
}
