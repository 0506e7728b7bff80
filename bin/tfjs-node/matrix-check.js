// Run in a process of its own by the set-up: loads the binding, multiplies two matrices and prints one line.
import assert from 'node:assert/strict';

const startMs = performance.now();
const tf = (await import('@tensorflow/tfjs-node')).default;
const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
const [a, b] = [
  [
    [1, 2],
    [3, 4],
  ],
  [
    [5, 6],
    [7, 8],
  ],
];
const product = tf.matMul(tf.tensor2d(a), tf.tensor2d(b)).arraySync();
const show = (matrix) => JSON.stringify(matrix);
assert.equal(tf.getBackend(), 'tensorflow');
assert.equal(
  show(product),
  show([
    [19, 22],
    [43, 50],
  ]),
);
const megabytes = Math.round(process.memoryUsage.rss() / 1e6);
console.log(
  `libtensorflow ${tf.backend().binding.TF_Version} works on Node ${process.versions.node}: ` +
    `${show(a)} x ${show(b)} = ${show(product)} (loaded in ${seconds} s, the process has ${megabytes} MB)`,
);
