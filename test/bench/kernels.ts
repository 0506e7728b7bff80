// Speed of single kernels on TensorFlow.js's WASM backend, stock and ours side by side in one process, best of several, at
// the shapes of an MLP. Writes docs/benchmarks/kernels.md. Usage: npm run bench:kernels
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import * as tf from '@tensorflow/tfjs-core';
import { startBackend } from '../../learning/backend.ts';
import { openFastTensors } from '../../learning/index.ts';

interface Row {
  readonly name: string;
  /** Floating-point operations of one call; absent where memory is what counts. */
  readonly operations?: number;
  readonly stock: () => tf.Tensor[];
  /** Default: the same call, with our kernels in the backend. */
  readonly ours?: () => tf.Tensor[];
}

const BATCHES = 12;

/** Milliseconds of one call, best of several runs; every result is disposed of. */
function timeOf(call: () => tf.Tensor[]): number {
  const once = () => tf.dispose(call());
  once();
  const firstMs = performance.now();
  once();
  // About 15 ms a run, and enough runs for the optimising compiler.
  const repeats = Math.max(1, Math.round(15 / Math.max(0.01, performance.now() - firstMs)));
  let bestMs = Number.POSITIVE_INFINITY;
  for (let run = 0; run < BATCHES; run++) {
    const startMs = performance.now();
    for (let i = 0; i < repeats; i++) once();
    bestMs = Math.min(bestMs, (performance.now() - startMs) / repeats);
  }
  return bestMs;
}

await startBackend('wasm');
const [m, k, n] = [64, 784, 512];
const [inputs, kernel, bias] = [
  tf.randomUniform([m, k]),
  tf.randomUniform([k, n]),
  tf.randomUniform([n]),
] as [tf.Tensor2D, tf.Tensor2D, tf.Tensor1D];
const upstream = tf.randomUniform([m, n]) as tf.Tensor2D;
const batched = [tf.randomUniform([16, 64, 64]), tf.randomUniform([16, 64, 64])];
const logits = tf.randomUniform([m, 10]) as tf.Tensor2D;
const classes = Array.from({ length: m }, (_, i) => i % 10);
const [labels, oneHot] = [tf.tensor1d(classes, 'int32'), tf.cast(tf.oneHot(classes, 10), 'float32')];
const dense = (a: tf.Tensor2D, b: tf.Tensor2D, c: tf.Tensor1D) =>
  tf.fused.matMul({ a, b, bias: c, activation: 'relu' });
const weights = tf.variable(tf.randomNormal([k, n]));
const gradient = { [weights.name]: tf.randomNormal([k, n]) };
const product = 2 * m * k * n;

function optimizerRow(name: string, stock: tf.Optimizer, ours: () => tf.Optimizer): Row {
  let own: tf.Optimizer | undefined;
  const apply = (optimizer: tf.Optimizer) => {
    optimizer.applyGradients(gradient);
    return [];
  };
  return {
    name: `${name}, ${k}×${n} weights`,
    stock: () => apply(stock),
    ours: () => {
      own ??= ours();
      return apply(own);
    },
  };
}

const fast: { tensors?: Awaited<ReturnType<typeof openFastTensors>> } = {};
const tensors = () => {
  if (fast.tensors === undefined) throw new Error('our kernels are in by now');
  return fast.tensors;
};
const rows: readonly Row[] = [
  { name: `matMul [${m},${k}]·[${k},${n}]`, operations: product, stock: () => [tf.matMul(inputs, kernel)] },
  {
    name: `matMul, left transposed (gradient of a kernel)`,
    operations: product,
    stock: () => [tf.matMul(inputs, upstream, true)],
  },
  {
    name: `matMul, right transposed (gradient of inputs)`,
    operations: product,
    stock: () => [tf.matMul(upstream, kernel, false, true)],
  },
  {
    name: 'matMul of 16 pairs [64,64]',
    operations: 16 * 2 * 64 ** 3,
    stock: () => [tf.matMul(batched[0], batched[1])],
  },
  { name: 'product, bias and relu', operations: product, stock: () => [dense(inputs, kernel, bias)] },
  {
    name: 'the same with all three gradients',
    operations: 3 * product,
    stock: () =>
      tf.grads((a, b, c) => dense(a as tf.Tensor2D, b as tf.Tensor2D, c as tf.Tensor1D))(
        [inputs, kernel, bias],
        upstream,
      ),
    ours: () =>
      tf.grads((a, b, c) =>
        tensors().dense(a as tf.Tensor2D, b as tf.Tensor2D, { bias: c as tf.Tensor1D, activation: 'relu' }),
      )([inputs, kernel, bias], upstream),
  },
  {
    name: `softmax cross-entropy [${m},10] and gradient`,
    stock: () => {
      const { value, grad } = tf.valueAndGrad((scores: tf.Tensor2D) =>
        tf.losses.softmaxCrossEntropy(oneHot, scores),
      )(logits);
      return [value, grad];
    },
    ours: () => {
      const { value, grad } = tf.valueAndGrad((scores: tf.Tensor2D) =>
        tensors().softmaxCrossEntropy(scores, labels),
      )(logits);
      return [value, grad];
    },
  },
  optimizerRow('SGD', tf.train.sgd(1e-9), () => tensors().sgd({ learningRate: 1e-9 })),
  optimizerRow('SGD with momentum', tf.train.momentum(1e-9, 0.9), () =>
    tensors().sgd({ learningRate: 1e-9, momentum: 0.9 }),
  ),
  optimizerRow('Adam', tf.train.adam(1e-9), () => tensors().adam({ learningRate: 1e-9 })),
];

// The layers register gradients; our kernels must not be in yet.
await import('@tensorflow/tfjs-layers');
const stock = rows.map((row) => timeOf(row.stock));
fast.tensors = await openFastTensors();
const ours = rows.map((row) => timeOf(row.ours ?? row.stock));
const cell = (ms: number, operations: number | undefined) =>
  operations === undefined
    ? ms.toFixed(3)
    : `${ms.toFixed(3)} (${(operations / ms / 1e6).toFixed(1)} GFLOP/s)`;
const text = [
  "# Kernels on TensorFlow.js's WASM backend",
  '',
  `\`npm run bench:kernels\` wrote this page. ${cpus().length} cores, ${cpus()[0].model}, Node ${process.version}, one thread. Milliseconds`,
  `a call, best of ${BATCHES} runs, overhead of TensorFlow.js included; stock first, then ours in the same process.`,
  '',
  '| | stock | ours | faster by |',
  '| --- | --- | --- | --- |',
  ...rows.map(
    ({ name, operations }, i) =>
      `| ${name} | ${cell(stock[i], operations)} | ${cell(ours[i], operations)} | ${(stock[i] / ours[i]).toFixed(1)}× |`,
  ),
  '',
].join('\n');
writeFileSync('docs/benchmarks/kernels.md', text);
console.log(text);
