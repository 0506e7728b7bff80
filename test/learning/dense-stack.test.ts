import assert from 'node:assert/strict';
import fc from 'fast-check';
import { createRandom, type DenseSpec, initialWeights } from '../../fusion/index.ts';
import { type Dataset, LearningError, openTrainer } from '../../learning/index.ts';
import { obviousGradient } from './obvious-network.ts';

const activation = fc.constantFrom('relu' as const, 'tanh' as const, 'linear' as const);
const layer = fc.record({ units: fc.integer({ min: 1, max: 41 }), activation });

/** Shapes that fit no tile, one sample, one unit, samples of zeros alone, and any share of zeros between. */
const worlds = fc.record({
  inputs: fc.integer({ min: 1, max: 70 }),
  hidden: fc.array(layer, { maxLength: 3 }),
  classes: fc.integer({ min: 2, max: 37 }),
  samples: fc.integer({ min: 1, max: 23 }),
  zeros: fc.constantFrom(0, 0.3, 0.5, 0.8, 1),
  asBytes: fc.boolean(),
  seed: fc.string({ minLength: 1, maxLength: 8 }),
});

type World = typeof worlds extends fc.Arbitrary<infer T> ? T : never;

function specOf(world: World): DenseSpec {
  const last = { units: world.classes, activation: 'linear' } as const;
  return {
    kind: 'dense',
    inputs: world.inputs,
    layers: [...world.hidden, last],
    loss: 'softmax-cross-entropy',
  };
}

function dataOf(world: World): Dataset {
  const { samples, inputs, classes, zeros } = world;
  const random = createRandom(world.seed).fork('data');
  const value = () => (random.float() < zeros ? 0 : random.below(256));
  const values = Array.from({ length: samples * inputs }, value);
  return {
    name: 'drawn',
    inputs: world.asBytes ? Uint8Array.from(values) : Float32Array.from(values),
    labels: Uint8Array.from({ length: samples }, () => random.below(classes)),
    count: samples,
    inputSize: inputs,
    classes,
    scale: 255,
  };
}

function worst(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.equal(actual.length, expected.length);
  let most = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= most)) most = difference;
  }
  return most;
}

describe('a dense stack in one call', () => {
  it('steps along the gradient of the slow and obvious network, whatever its shape', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const [spec, data] = [specOf(world), dataOf(world)];
        const weights = initialWeights(spec, world.seed);
        const trainer = await openTrainer({ spec, scale: 255, backend: 'wasm' });
        const { gradient, loss } = obviousGradient(spec, weights, data);
        const trained = trainer.train({
          weights,
          velocity: new Float32Array(weights.length),
          data,
          settings: { learningRate: 1, momentum: 0, batch: data.count, localEpochs: 1 },
          random: createRandom('order'),
        });
        const step = weights.map((value, i) => value - trained.weights[i]);
        assert(worst(step, gradient) < 1e-5, `gradient ${worst(step, gradient)}`);
        assert(Math.abs(trained.loss - loss) < 1e-5 * (1 + loss));
        assert(Math.abs(trainer.evaluate(weights, data).loss - loss) < 1e-5 * (1 + loss));
      }),
      { numRuns: 150, seed: 4 },
    );
  });

  it('gives the same weights as plain JavaScript over steps with momentum', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, fc.integer({ min: 1, max: 9 }), async (world, batch) => {
        const [spec, data] = [specOf(world), dataOf(world)];
        const weights = initialWeights(spec, world.seed);
        const settings = { learningRate: 0.05, momentum: 0.9, batch, localEpochs: 2 };
        const results = [];
        for (const backend of ['cpu', 'wasm'] as const) {
          const trainer = await openTrainer({ spec, scale: 255, backend });
          const velocity = new Float32Array(weights.length);
          results.push(
            trainer.train({ weights, velocity, data, settings, random: createRandom(world.seed) }),
          );
        }
        const [slow, fast] = results;
        assert(worst(fast.weights, slow.weights) < 1e-4, `weights ${worst(fast.weights, slow.weights)}`);
        assert(worst(fast.velocity, slow.velocity) < 1e-4, `velocity ${worst(fast.velocity, slow.velocity)}`);
      }),
      { numRuns: 40, seed: 4 },
    );
  });

  it('is the same bits whether its memory has served other batches before or not', async () => {
    const world: World = {
      inputs: 33,
      hidden: [{ units: 19, activation: 'relu' }],
      classes: 5,
      samples: 23,
      zeros: 0.5,
      asBytes: true,
      seed: 'memory',
    };
    const [spec, data] = [specOf(world), dataOf(world)];
    const weights = initialWeights(spec, 'memory');
    const train = async (first: number) => {
      const trainer = await openTrainer({ spec, scale: 255, backend: 'wasm' });
      const run = (batch: number) =>
        trainer.train({
          weights,
          velocity: new Float32Array(weights.length),
          data,
          settings: { learningRate: 0.1, momentum: 0.9, batch, localEpochs: 3 },
          random: createRandom('order'),
        });
      if (first > 0) run(first);
      trainer.predict(weights, data);
      return run(7).weights;
    };
    const fresh = await train(0);
    for (const first of [1, 23, 200]) assert.deepEqual(await train(first), fresh);
  });

  it('says so when there is no memory for the batch', async () => {
    const spec: DenseSpec = {
      kind: 'dense',
      inputs: 1_000_000,
      layers: [{ units: 268, activation: 'linear' }],
      loss: 'softmax-cross-entropy',
    };
    await assert.rejects(
      openTrainer({ spec, scale: 1, backend: 'wasm' }),
      (error: unknown) => error instanceof LearningError && /WebAssembly memory/.test(error.message),
    );
  });
});
