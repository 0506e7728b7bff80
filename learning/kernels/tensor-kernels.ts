// Our kernels as kernels of TensorFlow.js on its WASM backend: matrix products in place of the stock ones, which are
// several times slower and slowest where a factor is transposed, as in every gradient; and three of our own.
import {
  _FusedMatMul,
  BatchMatMul,
  broadcast_util,
  getKernel,
  type KernelFunc,
  type NamedAttrMap,
  registerKernel,
  type TensorInfo,
  unregisterKernel,
  util,
} from '@tensorflow/tfjs-core';
import { ACTIVATIONS, PANEL_FLOATS } from './module.ts';
import type { TensorMemory } from './tensor-memory.ts';

export const DENSE = 'MeldmeshDense';
export const DENSE_GRADIENT = 'MeldmeshDenseGradient';
export const SOFTMAX_CROSS_ENTROPY = 'MeldmeshSoftmaxCrossEntropy';

const BACKEND = 'wasm';

interface KernelCall {
  /** What the operation promised is there; `bias` may not be. */
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly attrs?: NamedAttrMap;
}

/** Once for each backend. */
export function registerTensorKernels(memory: TensorMemory): void {
  const fused = getKernel(_FusedMatMul, BACKEND).kernelFunc;
  replace(BatchMatMul, (call) => multiply(memory, call, 'linear'));
  replace(_FusedMatMul, (call) => {
    const activation = call.attrs?.activation;
    if (activation === 'linear') return multiply(memory, call, 'linear');
    if (activation === 'relu') return multiply(memory, call, 'relu');
    return fused({ ...call, backend: memory.backend });
  });
  add(DENSE, (call) => multiply(memory, call, activationOf(call)));
  add(DENSE_GRADIENT, (call) => denseGradient(memory, call));
  add(SOFTMAX_CROSS_ENTROPY, (call) => softmaxCrossEntropy(memory, call));
}

function replace(kernelName: string, run: (call: KernelCall) => TensorInfo | TensorInfo[]): void {
  unregisterKernel(kernelName, BACKEND);
  add(kernelName, run);
}

function add(kernelName: string, run: (call: KernelCall) => TensorInfo | TensorInfo[]): void {
  const kernelFunc: KernelFunc = ({ inputs, attrs }) =>
    run({ inputs: inputs as KernelCall['inputs'], attrs });
  registerKernel({ kernelName, backendName: BACKEND, kernelFunc });
}

function activationOf(call: KernelCall): keyof typeof ACTIVATIONS {
  const activation = call.attrs?.activation;
  util.assert(
    activation === 'linear' || activation === 'relu' || activation === 'tanh',
    () => `no activation ${activation}`,
  );
  return activation as keyof typeof ACTIVATIONS;
}

/** a [.., m, k] or, transposed, [.., k, m]; b [.., k, n] or [.., n, k]; bias [n]: [.., m, n]. Outer sizes may be broadcast. */
function multiply(memory: TensorMemory, call: KernelCall, activation: keyof typeof ACTIVATIONS): TensorInfo {
  const { a, b, bias } = call.inputs;
  const [leftTransposed, rightTransposed] = [
    call.attrs?.transposeA === true,
    call.attrs?.transposeB === true,
  ];
  util.assert(a.dtype === 'float32' && b.dtype === 'float32', () => 'only float32 is multiplied');
  const [left, right] = [matrixOf(a, leftTransposed), matrixOf(b, rightTransposed)];
  util.assert(
    left.columns === right.rows,
    () => `matMul: inner sizes of ${a.shape} and ${b.shape} differ (${leftTransposed}, ${rightTransposed})`,
  );
  util.assert(
    bias === undefined || (bias.shape.length === 1 && bias.shape[0] === right.columns),
    () => `matMul: the bias has shape ${bias?.shape}, not [${right.columns}]`,
  );
  const outer = broadcast_util.assertAndGetBroadcastShape(left.outer, right.outer);
  const out = memory.output([...outer, left.rows, right.columns]);
  const panels = memory.scratch(4 * PANEL_FLOATS * left.columns);
  const [from, by, to] = [memory.address(a), memory.address(b), memory.address(out)];
  const addend = bias === undefined ? 0 : memory.address(bias);
  for (let index = 0; index < util.sizeFromShape(outer); index++) {
    memory.kernels.matmul(
      from + 4 * (index % left.count) * left.rows * left.columns,
      by + 4 * (index % right.count) * right.rows * right.columns,
      addend,
      to + 4 * index * left.rows * right.columns,
      panels,
      left.rows,
      right.columns,
      left.columns,
      Number(leftTransposed),
      Number(rightTransposed),
      ACTIVATIONS[activation],
    );
  }
  return out;
}

function matrixOf(tensor: TensorInfo, transposed: boolean) {
  const outer = tensor.shape.slice(0, -2);
  const [first, second] = tensor.shape.slice(-2);
  const [rows, columns] = transposed ? [second, first] : [first, second];
  return { outer, rows, columns, count: util.sizeFromShape(outer) };
}

/** gradient and output [rows, columns]: the gradient by the sums, same shape, and by the bias [columns]. */
function denseGradient(memory: TensorMemory, call: KernelCall): TensorInfo[] {
  const { gradient, output } = call.inputs;
  const [rows, columns] = output.shape;
  const [sums, bias] = [memory.output([rows, columns]), memory.output([columns])];
  const [from, through] = [memory.address(gradient), memory.address(output)];
  const activation = ACTIVATIONS[activationOf(call)];
  const [to, biasTo] = [memory.address(sums), memory.address(bias)];
  memory.kernels.denseGradient(from, through, to, biasTo, rows, columns, activation);
  return [sums, bias];
}

/** logits [samples, classes] and labels [samples] of type int32: mean loss [] and its gradient by the logits. */
function softmaxCrossEntropy(memory: TensorMemory, call: KernelCall): TensorInfo[] {
  const { logits, labels } = call.inputs;
  const [samples, classes] = logits.shape;
  const gradient = memory.output([samples, classes]);
  const [from, of, to] = [memory.address(logits), memory.address(labels), memory.address(gradient)];
  const mean = memory.kernels.softmaxCrossEntropy(from, of, to, samples, classes);
  const loss = memory.backend.makeOutput([], 'float32', undefined, Float32Array.of(mean));
  return [loss, gradient];
}
