// The way to tensors for callers on their own thread. TensorFlow.js is loaded by the first call, not by the import.
import type { DenseSpec } from '../fusion/index.ts';
import type { Trainer, TrainerOptions } from './trainer.ts';

/** A trainer on the calling thread, which it blocks while it works. Throws a LearningError. */
export async function openTrainer(options: TrainerOptions): Promise<Trainer> {
  const { createTrainer } = await import('./trainer.ts');
  return createTrainer(options);
}

/** See `buildLayersModel`; open a trainer first, for its backend. */
export async function openLayersModel(spec: DenseSpec, weights: Float32Array) {
  const { buildLayersModel } = await import('./layers-model.ts');
  return buildLayersModel(spec, weights);
}
