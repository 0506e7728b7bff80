// How frameworks name the tensors of a layer and on which axis a kernel holds its outputs. It knows no model.

export interface Dialect {
  /** Endings that follow the name of the layer. */
  readonly kernel: string;
  readonly bias: string;
  readonly scale: string;
  readonly shift: string;
  /** Running statistics of a batch norm. */
  readonly statistics: readonly string[];
  /** A number that counts batches; nothing moves it. */
  readonly counter: string | undefined;
  /** Kernels are [outputs, inputs, …window]; otherwise […window, inputs, outputs]. */
  readonly isOutputFirst: boolean;
}

/** torch.nn: Linear [out, in], Conv2d [out, in, height, width]. */
export const TORCH: Dialect = {
  kernel: '.weight',
  bias: '.bias',
  scale: '.weight',
  shift: '.bias',
  statistics: ['.running_mean', '.running_var'],
  counter: '.num_batches_tracked',
  isOutputFirst: true,
};

/** The dense layers of Hugging Face's GPT-2, called Conv1D there: [in, out]. */
export const TORCH_TRANSPOSED: Dialect = { ...TORCH, isOutputFirst: false };

/** TensorFlow.js and our own models: dense [in, out], convolutions [height, width, in, out]. */
export const TFJS: Dialect = {
  kernel: '/kernel',
  bias: '/bias',
  scale: '/gamma',
  shift: '/beta',
  statistics: ['/moving_mean', '/moving_variance'],
  counter: undefined,
  isOutputFirst: false,
};

/** The axes of a kernel of that rank, 2 for a dense layer and more for a convolution. */
export function kernelAxes(
  { isOutputFirst }: Dialect,
  rank: number,
): { readonly inputs: number; readonly outputs: number } {
  return isOutputFirst ? { inputs: 1, outputs: 0 } : { inputs: rank - 2, outputs: rank - 1 };
}
