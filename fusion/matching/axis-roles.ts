// Which axis of a tensor its layer writes, and which it reads. A permutation does not need to know; a unit that stands for several
// others does: it puts out their mean, and what they sent on is added up.

/**
 * Where kernels have their output axis: last in TensorFlow.js, [.., in, out], first in PyTorch, [out, in, ..]. Biases and norms
 * have no other axis.
 */
export type OutputAxis = 'last' | 'first';

export function writtenAxis(shape: readonly number[], outputAxis: OutputAxis): number {
  return outputAxis === 'last' ? shape.length - 1 : 0;
}

/** `undefined` where a tensor reads nothing. */
export function readAxis(shape: readonly number[], outputAxis: OutputAxis): number | undefined {
  if (shape.length < 2) return undefined;
  return outputAxis === 'last' ? shape.length - 2 : 1;
}
