import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { createRandom } from '../../fusion/index.ts';
import { type FastTensors, LearningError, openFastTensors } from '../../learning/index.ts';
import '@tensorflow/tfjs-backend-cpu';

const TOLERANCE = 1e-4;
const size = fc.integer({ min: 1, max: 37 });
/** Rows may be none. */
const rows = fc.integer({ min: 0, max: 37 });
const seed = fc.string({ minLength: 1, maxLength: 6 });

type Shape = readonly number[];

/** Values in [-1, 1) that depend on the seed, the same for every backend; a fifth of them zeros. */
function values(name: string, shape: Shape): Float32Array {
  const random = createRandom(name);
  const count = shape.reduce((product, length) => product * length, 1);
  return Float32Array.from({ length: count }, () => {
    const value = 2 * random.float() - 1;
    return random.below(5) === 0 ? 0 : value;
  });
}

function drawn<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  return tf.tensor(values(name, shape), shape);
}

/** What the calculation gives on the backend, as plain numbers; it must leave no tensor behind. */
function on(backend: 'wasm' | 'cpu', calculate: () => tf.Tensor[]): Float32Array[] {
  tf.setBackend(backend);
  const before = tf.memory().numTensors;
  const results = tf.tidy(() => calculate().map((tensor) => tensor.dataSync<'float32'>().slice()) as never);
  assert.equal(tf.memory().numTensors, before, 'tensors are left behind');
  return results;
}

function assertClose(actual: readonly ArrayLike<number>[], expected: readonly ArrayLike<number>[]): void {
  assert.equal(actual.length, expected.length);
  for (const [index, array] of actual.entries()) {
    assert.equal(array.length, expected[index].length);
    for (let i = 0; i < array.length; i++) {
      const [one, other] = [array[i], expected[index][i]];
      assert(Math.abs(one - other) <= TOLERANCE, `result ${index}, value ${i}: ${one} is not ${other}`);
    }
  }
}

function assertSame(calculate: () => tf.Tensor[]): void {
  assertClose(on('wasm', calculate), on('cpu', calculate));
}

describe('kernels in TensorFlow.js', () => {
  let fast: FastTensors;
  before(async () => {
    fast = await openFastTensors();
  });

  it('multiply as plain JavaScript does, transposed or not, with rows that are zeros or none', () => {
    const batches = fc.constantFrom(
      [[], []],
      [[3], [3]],
      [[1], [4]],
      [
        [2, 3],
        [2, 3],
      ],
      [[5], [1]],
    );
    const world = [rows, size, size, batches, fc.boolean(), fc.boolean(), seed] as const;
    fc.assert(
      fc.property(...world, (m, k, n, [outerA, outerB], transposeA, transposeB, name) => {
        assertSame(() => {
          const a = drawn(`${name} a`, [...outerA, ...(transposeA ? [k, m] : [m, k])] as [number, number]);
          const b = drawn(`${name} b`, [...outerB, ...(transposeB ? [n, k] : [k, n])] as [number, number]);
          return [tf.matMul(a, b, transposeA, transposeB)];
        });
      }),
      { numRuns: 200, seed: 4 },
    );
  });

  it('multiply, add a bias and activate as plain JavaScript does, and so do their gradients', () => {
    const activation = fc.constantFrom('linear' as const, 'relu' as const, 'sigmoid' as const);
    fc.assert(
      fc.property(size, size, size, activation, seed, (m, k, n, kind, name) => {
        assertSame(() => {
          const inputs = [drawn(`${name} a`, [m, k]), drawn(`${name} b`, [k, n]), drawn(`${name} c`, [n])];
          const weigh = drawn(`${name} d`, [m, n]);
          const run = (a: tf.Tensor, b: tf.Tensor, bias: tf.Tensor) =>
            tf.fused.matMul({ a: a as tf.Tensor2D, b: b as tf.Tensor2D, bias, activation: kind });
          const gradients = tf.grads((a, b, c) => tf.sum(tf.mul(run(a, b, c), weigh)))(inputs);
          return [run(inputs[0], inputs[1], inputs[2]), ...gradients];
        });
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('pass through a dense layer and back as the same layer in single operations', () => {
    const activation = fc.constantFrom('linear' as const, 'relu' as const, 'tanh' as const);
    fc.assert(
      fc.property(size, size, size, activation, seed, (m, k, n, kind, name) => {
        const inputs = () => [
          drawn(`${name} a`, [m, k]),
          drawn(`${name} b`, [k, n]),
          drawn(`${name} c`, [n]),
        ];
        const results = (layer: (a: tf.Tensor, b: tf.Tensor, c: tf.Tensor) => tf.Tensor) => () => {
          const weigh = drawn(`${name} d`, [m, n]);
          const [a, b, c] = inputs();
          return [
            layer(a, b, c),
            ...tf.grads((...all) => tf.sum(tf.mul(layer(all[0], all[1], all[2]), weigh)))([a, b, c]),
          ];
        };
        const ours = on(
          'wasm',
          results((a, b, c) =>
            fast.dense(a as tf.Tensor2D, b as tf.Tensor2D, { bias: c as tf.Tensor1D, activation: kind }),
          ),
        );
        const theirs = on(
          'cpu',
          results((a, b, c) => {
            const sums = tf.add(tf.matMul(a, b), c);
            if (kind === 'relu') return tf.relu(sums);
            return kind === 'tanh' ? tf.tanh(sums) : sums;
          }),
        );
        assertClose(ours, theirs);
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('give the cross-entropy of logits and its gradient, for large logits too', () => {
    const scale = fc.constantFrom(1, 30, 1_000);
    fc.assert(
      fc.property(size, size, scale, seed, (samples, classes, factor, name) => {
        const random = createRandom(name);
        const labels = Array.from({ length: samples }, () => random.below(classes));
        const logits = () => tf.mul(drawn(name, [samples, classes]), factor) as tf.Tensor2D;
        const ours = on('wasm', () => {
          const of = tf.tensor1d(labels, 'int32');
          const { value, grad } = tf.valueAndGrad((scores: tf.Tensor2D) =>
            fast.softmaxCrossEntropy(scores, of),
          )(logits());
          return [value, grad];
        });
        const theirs = on('cpu', () => {
          const oneHot = tf.tensor2d(
            labels.map((label) => Array.from({ length: classes }, (_, index) => Number(index === label))),
          );
          const loss = (scores: tf.Tensor2D) =>
            tf.neg(tf.mean(tf.sum(tf.mul(tf.logSoftmax(scores), oneHot), 1))) as tf.Scalar;
          const { value, grad } = tf.valueAndGrad(loss)(logits());
          return [value, grad];
        });
        ours[0][0] /= factor;
        theirs[0][0] /= factor;
        assertClose(ours, theirs);
      }),
      { numRuns: 100, seed: 4 },
    );
  });

  it('refuse a label that is no class', () => {
    tf.setBackend('wasm');
    for (const labels of [
      [0, 3],
      [-1, 0],
    ]) {
      const run = () => fast.softmaxCrossEntropy(tf.zeros([2, 3]), tf.tensor1d(labels, 'int32'));
      assert.throws(() => tf.tidy(run), LearningError);
    }
  });

  const optimizers = [
    ['descend', () => fast.sgd({ learningRate: 0.1 }), () => tf.train.sgd(0.1)],
    [
      'descend with momentum',
      () => fast.sgd({ learningRate: 0.1, momentum: 0.9 }),
      () => tf.train.momentum(0.1, 0.9),
    ],
    ['follow Adam', () => fast.adam({ learningRate: 0.1 }), () => tf.train.adam(0.1)],
  ] as const;
  for (const [what, ours, theirs] of optimizers) {
    it(`${what} in place as the optimisers of TensorFlow.js do`, () => {
      const train = (backend: 'cpu' | 'wasm', make: () => tf.Optimizer, length: number) => {
        tf.setBackend(backend);
        const before = tf.memory().numTensors;
        const weights = tf.tidy(() => [
          tf.variable(drawn('w', [length])),
          tf.variable(drawn('v', [3, length])),
        ]);
        const target = drawn('target', [3, length]);
        const optimizer = make();
        const loss = () => tf.mean(tf.square(tf.sub(tf.add(weights[0], weights[1]), target))) as tf.Scalar;
        for (let step = 0; step < 7; step++) optimizer.minimize(loss);
        const results = weights.map((tensor) => tensor.dataSync<'float32'>().slice());
        optimizer.dispose();
        tf.dispose([...weights, target]);
        return { results, left: tf.memory().numTensors - before };
      };
      for (const length of [1, 2, 3, 4, 30]) {
        const [fastOnes, slowOnes] = [train('wasm', ours, length), train('cpu', theirs, length)];
        assertClose(fastOnes.results, slowOnes.results);
        assert.equal(fastOnes.left, 0, 'tensors are left behind');
      }
    });
  }

  it('leave a tensor alone that shares its values with the variable that they update', () => {
    tf.setBackend('wasm');
    const start = drawn('shared', [5]);
    const kept = start.dataSync().slice();
    const variable = tf.variable(start);
    const optimizer = fast.sgd({ learningRate: 0.5, momentum: 0.5 });
    for (let step = 0; step < 3; step++) optimizer.minimize(() => tf.sum(tf.square(variable)) as tf.Scalar);
    assert.deepEqual([...start.dataSync()], [...kept]);
    assert.notDeepEqual([...variable.dataSync()], [...kept]);
    optimizer.dispose();
    tf.dispose([start, variable]);
  });

  it('go on from saved optimiser state as if never interrupted', async () => {
    tf.setBackend('wasm');
    const loss = (variable: tf.Variable) => () => tf.sum(tf.square(variable)) as tf.Scalar;
    const [one, other] = [tf.variable(drawn('x', [9])), tf.variable(drawn('x', [9]), true, 'resumed')];
    const unbroken = fast.adam({ learningRate: 0.05 });
    const first = fast.adam({ learningRate: 0.05 });
    for (let step = 0; step < 6; step++) unbroken.minimize(loss(one), false, [one]);
    for (let step = 0; step < 3; step++) first.minimize(loss(other), false, [other]);
    const second = fast.adam({ learningRate: 0.05 });
    await second.setWeights(await first.getWeights());
    for (let step = 0; step < 3; step++) second.minimize(loss(other), false, [other]);
    assert.deepEqual([...other.dataSync()], [...one.dataSync()]);
    for (const optimizer of [unbroken, first, second]) optimizer.dispose();
    tf.dispose([one, other]);
  });
});
