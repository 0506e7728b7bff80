// Which TensorFlow.js backend does the arithmetic. Everything heavy is imported only when it is chosen.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { LearningError } from './errors.ts';

/** `node` is libtensorflow through @tensorflow/tfjs-node, which is used only where it is installed and loads. */
export type BackendName = 'node' | 'wasm' | 'cpu';
export type BackendChoice = BackendName | 'auto';

export interface StartedBackend {
  readonly name: BackendName;
  /** Why better ones were passed over, and wishes that this one cannot meet. */
  readonly notes: readonly string[];
}

const IN_ORDER: readonly BackendName[] = ['node', 'wasm', 'cpu'];

/**
 * Starts the chosen backend, or for `auto` the first of node, wasm and cpu that works. Throws a LearningError
 * when the chosen one does not. `threads` is only looked at: libtensorflow takes its number from the environment
 * (`TF_NUM_INTRAOP_THREADS`, set by the host), the WASM build for Node.js and plain JavaScript have one.
 */
export async function startBackend(choice: BackendChoice, threads: number): Promise<StartedBackend> {
  // Production mode: no advertisement on first use, no scan of every tensor for NaN.
  tf.enableProdMode();
  const notes: string[] = [];
  for (const name of choice === 'auto' ? IN_ORDER : [choice]) {
    try {
      await START[name]();
      if (threads > 1 && name !== 'node')
        notes.push(`${name} uses one thread, not ${threads}: it has no more in Node.js`);
      return { name, notes };
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
      if (choice !== 'auto') {
        const text = `the backend ${name} does not start: ${reason}; use --backend auto`;
        throw new LearningError('MELDMESH_LEARNING_BACKEND', text, cause);
      }
      // An optional package that is simply not there is no news.
      if (!isMissingPackage(cause)) notes.push(`${name} does not start: ${reason}`);
    }
  }
  throw new LearningError('MELDMESH_LEARNING_BACKEND', `no backend starts; ${notes.join('; ')}`);
}

const START: Readonly<Record<BackendName, () => Promise<void>>> = {
  node: async () => {
    // Not a literal: the package is optional and has no types where it is not installed.
    const packageName: string = '@tensorflow/tfjs-node';
    await import(packageName);
    await use('tensorflow');
  },
  wasm: async () => {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(join(dirname(main), '/'));
    // The threaded build needs browser workers; this one has SIMD and one thread.
    tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
    await use('wasm');
  },
  cpu: async () => {
    await import('@tensorflow/tfjs-backend-cpu');
    await use('cpu');
  },
};

function isMissingPackage(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
}

async function use(registered: string): Promise<void> {
  const works = await tf.setBackend(registered);
  await tf.ready();
  assert(works && tf.getBackend() === registered, `TensorFlow.js has no working backend "${registered}"`);
}
