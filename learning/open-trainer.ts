// The way to a trainer on the calling thread. What it needs is loaded by the call, not by the import.
import type { DenseSpec } from '../fusion/index.ts';
import { type BackendChoice, type BackendName, startFirst } from './backend-choice.ts';
import type { Engine } from './engine.ts';
import { type Trainer, trainerOf } from './trainer.ts';

export interface TrainerOptions {
  readonly spec: DenseSpec;
  /** Raw values are divided by this. */
  readonly scale: number;
  readonly backend: BackendChoice;
  /** Default 1; only libtensorflow has more. */
  readonly threads?: number;
}

/** Measured: docs/benchmarks/training.md. */
const FASTER = 'auto took libtensorflow; --backend wasm trains dense models faster, in a fifth of the memory';

/** A trainer on the calling thread, which it blocks while it works. Throws a LearningError. */
export async function openTrainer(options: TrainerOptions): Promise<Trainer> {
  const { backend, threads = 1 } = options;
  const { started, name, notes } = await startFirst({ choice: backend, threads }, (each) =>
    openEngine(each, options),
  );
  const isSlower = backend === 'auto' && name === 'node';
  return trainerOf(started, { backend: name, notes: isSlower ? [...notes, FASTER] : notes });
}

async function openEngine(name: BackendName, options: TrainerOptions): Promise<Engine> {
  if (name === 'wasm') {
    const { createKernelEngine } = await import('./kernel-engine.ts');
    return createKernelEngine(options);
  }
  const [{ startBackend }, { createTensorEngine }] = await Promise.all([
    import('./backend.ts'),
    import('./tensor-engine.ts'),
  ]);
  await startBackend(name);
  return createTensorEngine(options);
}
