// The benchmark networks' own arithmetic, against differences of the loss and against plain loops.
import assert from 'node:assert/strict';
import { createRandom } from '../../../../fusion/random.ts';
import { proveSpec } from '../../../../fusion/symmetry/prove.ts';
import type { Random } from '../../../../fusion/types.ts';
import type { Dataset } from '../../../../learning/dataset.ts';
import { NORMED_CNN, RESIDUAL_NET, SMALL_CNN } from '../digit-images.ts';
import { openNetwork } from '../trained-models.ts';
import { batchNorm } from './batch-norm.ts';
import { convolution, dense, maxPool, meanPool, relu, sum } from './layers.ts';
import { type Architecture, Network } from './network.ts';
import { gatherPatches, scatterPatches, windowsOf } from './patches.ts';
import { flat } from './value.ts';

const IMAGES = { height: 7, width: 6, channels: 2 };

/** Every kind of layer: strides, an odd edge, a stream with two writers. */
const everything: Architecture = (draft, images) => {
  const stem = relu(draft, convolution(draft, 'stem', { from: images, units: 5, window: 3 }));
  const inner = batchNorm(
    draft,
    'norm',
    convolution(draft, 'inner', { from: stem, units: 5, window: 3, hasBias: false }),
  );
  const stream = sum(draft, stem, inner);
  const short = convolution(draft, 'short', { from: stream, units: 4, window: 1, stride: 2 });
  const long = convolution(draft, 'long', { from: stream, units: 4, window: 5, stride: 2 });
  const wide = sum(draft, short, long);
  const pooled = dense(draft, 'pooled', { from: flat(maxPool(draft, wide)), units: 6 });
  const mean = dense(draft, 'mean', { from: meanPool(draft, wide), units: 6 });
  return dense(draft, 'last', { from: sum(draft, pooled, mean), units: 3 });
};

const uniform = (random: Random): number => 2 * random.float() - 1;

function noise(count: number, inputSize: number, random: Random): Dataset {
  const inputs = Float32Array.from({ length: count * inputSize }, () => uniform(random));
  const labels = Uint8Array.from({ length: count }, () => random.below(3));
  return { name: 'noise', inputs, labels, count, inputSize, classes: 3, scale: 1 };
}

describe('a benchmark network', () => {
  const random = createRandom('benchmark network');
  const data = noise(8, 84, random.fork('data'));
  const all = Uint32Array.from({ length: 8 }, (_, i) => i);
  const network = new Network(everything, { images: IMAGES, samplesMax: 8 });
  const weights = network.initialWeights(random.fork('weights'));

  it('has the gradient that differences of its loss show, tensor by tensor', () => {
    network.weights.set(weights);
    network.lossGradient(data, all);
    const gradient = network.gradient.slice();
    for (const { name, offset, size } of network.layout.tensors) {
      const stream = random.fork(name);
      const direction = Float64Array.from({ length: size }, () => uniform(stream));
      const lossAt = (step: number) => {
        network.weights.set(weights);
        for (let i = 0; i < size; i++) network.weights[offset + i] += step * direction[i];
        return network.lossGradient(data, all);
      };
      const step = 1e-3;
      const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
      const expected = direction.reduce((total, value, i) => total + value * gradient[offset + i], 0);
      assert.ok(
        Math.abs(slope - expected) < 2e-3 + 0.01 * Math.abs(expected),
        `${name}: ${slope}, ${expected}`,
      );
    }
  });

  it('gives every sample what it gives it alone, once norms use running statistics', () => {
    const whole = network.logits(weights, data);
    const first = network.logits(weights, { ...data, inputs: data.inputs.subarray(0, 84), count: 1 });
    assert.deepEqual(whole.slice(0, 3), first);
  });

  it('learns noise by heart', () => {
    const training = { data, epochs: 300, batch: 8, rate: 1e-2, random };
    assert.equal(network.evaluate(network.train({ weights, ...training }), data).accuracy, 1);
  });

  it('lets two models be walked through in turn', () => {
    const other = network.initialWeights(random.fork('other'));
    const walk = network.preActivations({ ...data, count: 8 });
    const small = new Network(everything, { images: IMAGES, samplesMax: 4 });
    const inTurn = small.preActivations(data);
    const [left, right] = [inTurn(weights, 'long'), inTurn(other, 'long')].map((each) =>
      each[Symbol.iterator](),
    );
    const seen: number[][] = [[], []];
    for (let batch = 0; batch < 2; batch++) {
      seen[0].push(...(left.next().value ?? []));
      seen[1].push(...(right.next().value ?? []));
    }
    for (const [i, model] of [weights, other].entries())
      assert.deepEqual(
        seen[i],
        [...walk(model, 'long')].flatMap((values) => [...values]),
      );
  });
});

describe('patches', () => {
  const random = createRandom('patches');
  for (const [window, stride] of [
    [3, 1],
    [3, 2],
    [5, 2],
    [1, 2],
  ] as const) {
    it(`are the windows of ${window} × ${window} by ${stride}, and scattering is their transpose`, () => {
      const windows = windowsOf(IMAGES, { window, stride });
      const map = Float32Array.from({ length: 2 * 84 }, () => uniform(random));
      const rowLength = window * window * 2;
      const count = 2 * windows.height * windows.width;
      const patches = new Float32Array(count * rowLength).fill(Number.NaN);
      gatherPatches(windows, { map, patches, samples: 2 });
      for (let at = 0; at < patches.length; at++) {
        const [row, within] = [Math.floor(at / rowLength), at % rowLength];
        const pixel = row % (windows.height * windows.width);
        const y =
          Math.floor(pixel / windows.width) * stride - windows.padding + Math.floor(within / (window * 2));
        const x = (pixel % windows.width) * stride - windows.padding + (Math.floor(within / 2) % window);
        const sample = Math.floor(row / (windows.height * windows.width));
        const isInside = y >= 0 && y < 7 && x >= 0 && x < 6;
        assert.equal(patches[at], isInside ? map[sample * 84 + (y * 6 + x) * 2 + (within % 2)] : 0);
      }
      const other = Float32Array.from(patches, () => uniform(random));
      const back = new Float32Array(map.length);
      scatterPatches(windows, { map: back, patches: other, samples: 2 });
      const dot = (a: Float32Array, b: Float32Array) =>
        a.reduce((total, value, i) => total + value * b[i], 0);
      assert.ok(Math.abs(dot(patches, other) - dot(map, back)) < 1e-3);
    });
  }
});

describe('the symmetries of the benchmark networks', () => {
  for (const model of [SMALL_CNN, NORMED_CNN, RESIDUAL_NET]) {
    it(`leave the outputs of the ${model.title} alone`, () => {
      const random = createRandom(model.name);
      const network = openNetwork(model);
      const { layout } = network;
      const weights = network.initialWeights(random);
      for (let i = 0; i < weights.length; i++) weights[i] += 0.1 * random.float();
      const data = { ...noise(4, 784, random.fork('data')), classes: 10 };
      const outputs = (each: Float32Array) => network.logits(each, data);
      const proof = proveSpec({ weights, layout, spec: model.specOf(layout), outputs, random });
      assert.ok(proof.holds, `${proof.breaking}: ${proof.largestDifference}`);
      assert.deepEqual(proof.unmoved, []);
    });
  }
});
