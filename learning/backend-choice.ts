// Which arithmetic a trainer uses, and in which order the kinds are tried. It loads none of them.
import { LearningError } from './errors.ts';

/**
 * `node` is libtensorflow through @tensorflow/tfjs-node, where that is installed and loads; `wasm` our own kernels;
 * `cpu` TensorFlow.js in plain JavaScript.
 */
export type BackendName = 'node' | 'wasm' | 'cpu';
export type BackendChoice = BackendName | 'auto';

const IN_ORDER: readonly BackendName[] = ['node', 'wasm', 'cpu'];

/**
 * Starts the chosen backend, or for `auto` the first of node, wasm and cpu that works. `notes` say why earlier ones
 * were passed over, and which wishes this one cannot meet. Throws a LearningError when the chosen one does not start.
 * `threads` is only looked at: libtensorflow takes its number from the environment (`TF_NUM_INTRAOP_THREADS`, set by
 * the host), the others have one.
 */
export async function startFirst<T>(
  wish: { readonly choice: BackendChoice; readonly threads: number },
  start: (name: BackendName) => Promise<T>,
): Promise<{ readonly started: T; readonly name: BackendName; readonly notes: readonly string[] }> {
  const { choice, threads } = wish;
  const notes: string[] = [];
  for (const name of choice === 'auto' ? IN_ORDER : [choice]) {
    try {
      const started = await start(name);
      if (threads > 1 && name !== 'node')
        notes.push(`${name} uses one thread, not ${threads}: it has no more`);
      return { started, name, notes };
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

function isMissingPackage(cause: unknown): boolean {
  return cause instanceof Error && 'code' in cause && cause.code === 'ERR_MODULE_NOT_FOUND';
}
