// The way to TensorFlow.js for callers on their own thread. It is loaded by the call, not by the import.
import type { DenseSpec } from '../fusion/index.ts';
import type { FastTensors } from './kernels/tensors.ts';

/**
 * TensorFlow.js on its WASM backend with our kernels in it: matrix products and their gradients are faster for every
 * model of this thread, and the result has operations and optimisers of our own. Throws a LearningError.
 */
export async function openFastTensors(): Promise<FastTensors> {
  const [{ startBackend }, { fastTensors }] = await Promise.all([
    import('./backend.ts'),
    import('./kernels/tensors.ts'),
  ]);
  await startBackend('wasm');
  return fastTensors();
}

/** See `buildLayersModel`. Where nobody has started TensorFlow.js on this thread, it is as `openFastTensors` leaves it. */
export async function openLayersModel(spec: DenseSpec, weights: Float32Array) {
  const [{ isBackendRunning }, { buildLayersModel }] = await Promise.all([
    import('./backend.ts'),
    import('./layers-model.ts'),
  ]);
  if (!isBackendRunning()) await openFastTensors();
  return buildLayersModel(spec, weights);
}
