// The examples that users start from, each as a process: they learn, they compute what a slow and obvious network
// computes, and they agree with one another.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRandom, type DenseSpec, initialWeights } from '../../../fusion/index.ts';
import { firstSamples, subset } from '../../../learning/index.ts';
import { obviousGradient } from '../../learning/obvious-network.ts';
import { blobs } from '../../learning/samples.ts';
import { Conversation, type TrainerCommand } from './conversation.ts';
import { hasNumpy, hasTorch, nodeExample, pythonExample, pythonProgram } from './trainer-commands.ts';
import { TrainingFolder, type TrainingMesh } from './training-folder.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 12,
  layers: [
    { units: 9, activation: 'relu' },
    { units: 7, activation: 'tanh' },
    { units: 4, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const all = blobs({ count: 170, inputSize: 12, classes: 4, seed: 'trainers' });
const data = firstSamples(all, 100);
const test = subset(
  all,
  Array.from({ length: 70 }, (_, i) => 100 + i),
);
const settings = { learningRate: 0.1, momentum: 0.9, batch: 16, localEpochs: 4 };
const steps = 24;
/** All samples in one batch: the order of the samples cannot matter. */
const whole = { ...settings, batch: 100 };
const mesh: TrainingMesh = { spec, settings, scale: 255, data, test };
const weights = initialWeights(spec, 'start');

function assertNear(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    assert(Math.abs(actual[i] - expected[i]) <= tolerance, `${i}: ${actual[i]} is not ${expected[i]}`);
  }
}

const examples: { readonly name: string; readonly command: TrainerCommand }[] = [
  { name: 'tfjs', command: nodeExample('tfjs-mlp.js') },
];
if (hasNumpy) examples.push({ name: 'numpy', command: pythonExample('numpy_mlp.py') });
if (hasTorch) examples.push({ name: 'torch', command: pythonExample('pytorch_mlp.py') });

const started: (Conversation | TrainingFolder)[] = [];

/** A trainer that has heard the hello of this mesh. */
async function start(command: TrainerCommand, of: TrainingMesh) {
  const folder = new TrainingFolder(of);
  const trainer = new Conversation(command);
  started.push(trainer, folder);
  const ready = await trainer.ask(folder.hello, 'ready');
  const train = async (from: Float32Array, round: { steps: number; seed?: string }) => {
    const { question, read } = folder.train(from, round);
    const { id, loss } = await trainer.ask(question, 'trained');
    assert.equal(id, question.id);
    return { loss, weights: read() };
  };
  return { folder, trainer, ready, train };
}

async function endAll(): Promise<void> {
  for (const each of started.splice(0)) await (each instanceof Conversation ? each.end() : each.remove());
}

for (const { name, command } of examples) {
  describe(`the ${name} example`, function () {
    // PyTorch takes seconds to load.
    this.timeout(60_000);
    afterEach(endAll);

    it('says what it has, and evaluates only where there is test data', async () => {
      const { ready } = await start(command, mesh);
      assert.deepEqual(ready, { type: 'ready', name, samples: 100, evaluates: true });
      const blind = await start(command, { ...mesh, test: undefined });
      assert.equal(blind.ready.evaluates, false);
    });

    it('learns', async () => {
      const { folder, trainer, train } = await start(command, mesh);
      const before = await trainer.ask(folder.evaluate(weights), 'evaluated');
      const first = await train(weights, { steps });
      const second = await train(first.weights, { steps });
      const after = await trainer.ask(folder.evaluate(second.weights), 'evaluated');
      assert(second.loss < first.loss && after.loss < before.loss / 2, `${before.loss} to ${after.loss}`);
      assert(after.accuracy > 0.8, `${after.accuracy}`);
    });

    it('takes the steps of an obvious network, and keeps its momentum from round to round', async () => {
      const { folder, trainer, train } = await start(command, { ...mesh, settings: whole });
      const score = await trainer.ask(folder.evaluate(weights), 'evaluated');
      assertNear([score.loss], [obviousGradient(spec, weights, test).loss], 1e-5);
      const first = await train(weights, { steps: 1 });
      const one = obviousGradient(spec, weights, data);
      const w1 = one.gradient.map((g, i) => weights[i] - 0.1 * g);
      assertNear([first.loss], [one.loss], 1e-5);
      assertNear(first.weights, w1, 1e-5);
      const second = await train(first.weights, { steps: 1 });
      const two = obviousGradient(spec, w1, data).gradient;
      const w2 = two.map((g, i) => w1[i] - 0.1 * (0.9 * one.gradient[i] + g));
      assertNear(second.weights, w2, 1e-5);
    });

    it('repeats a round of the same seed, and orders the samples anew for another', async () => {
      const run = async (seed: string) =>
        (await (await start(command, mesh)).train(weights, { steps: 6, seed })).weights;
      const [a, again, b] = [await run('a'), await run('a'), await run('b')];
      assert.deepEqual(a, again);
      assert.notDeepEqual(a, b);
    });

    it('says why a round failed, and does the next one as if it had not been', async () => {
      const { folder, trainer, train } = await start(command, { ...mesh, settings: whole });
      const { question } = folder.train(weights, { steps: 1 });
      const missing = await trainer.ask({ ...question, weights: 'nowhere.safetensors' }, 'failed');
      assert.match(missing.error ?? '', /nowhere\.safetensors/);
      folder.writeFile('bad.safetensors', new Uint8Array(40).fill(65));
      await trainer.ask({ ...question, weights: 'bad.safetensors' }, 'failed');
      const wild = folder.train(
        weights.map(() => 3e38),
        { steps: 3 },
      );
      const diverged = await trainer.ask(wild.question, 'failed');
      assert.match(diverged.error ?? '', /not finite|is nan|is inf/i);
      const { weights: trained } = await train(weights, { steps: 1 });
      const { gradient } = obviousGradient(spec, weights, data);
      assertNear(
        trained,
        gradient.map((g, i) => weights[i] - 0.1 * g),
        1e-5,
      );
    });

    it('ends when it is told to, and when nobody is there any more', async () => {
      const [told, left] = await Promise.all([start(command, mesh), start(command, mesh)]);
      told.trainer.say({ type: 'stop' });
      left.trainer.hangUp();
      assert.deepEqual(await Promise.all([told.trainer.exit, left.trainer.exit]), [0, 0]);
    });
  });
}

if (examples.length > 1) {
  describe('the examples', function () {
    this.timeout(60_000);
    afterEach(endAll);

    it('agree with one another after three rounds', async () => {
      const results: Float32Array[] = [];
      for (const { command } of examples) {
        const { train } = await start(command, { ...mesh, settings: whole });
        let current = weights;
        for (let round = 0; round < 3; round++) current = (await train(current, { steps: 4 })).weights;
        results.push(current);
      }
      for (const result of results) assertNear(result, results[0], 1e-4);
    });
  });
}

if (hasNumpy) {
  describe('the numpy example with a file of its own', () => {
    afterEach(endAll);
    const floats = createRandom('own');
    const rows = Array.from({ length: 30 }, (_, i) => [i % 4, ...twelve(() => floats.float())]);
    const own: TrainingMesh = { ...mesh, scale: 1, data: undefined, test: undefined };

    it('reads CSV with and without a header', async () => {
      const lines = rows.map((row) => row.join(',')).join('\n');
      const header = `label,${twelve((i) => `c${i}`).join(',')}`;
      const results = [];
      for (const text of [lines, `${header}\n${lines}\n`]) {
        const folder = new TrainingFolder(own);
        started.push(folder);
        const file = join(folder.path, 'own.csv');
        writeFileSync(file, text);
        const { ready, train } = await start(pythonExample('numpy_mlp.py', file), own);
        assert.equal(ready.samples, 30);
        results.push((await train(weights, { steps: 4 })).weights);
      }
      assert.deepEqual(results[0], results[1]);
    });

    it('reads NPZ, and refuses samples that do not fit the mesh', async () => {
      const folder = new TrainingFolder(own);
      started.push(folder);
      const write = (inputs: number) => {
        const file = join(folder.path, `own-${inputs}.npz`);
        const arrays = `x_train=np.zeros((20, ${inputs})), y_train=[3] * 20, x_test=np.zeros((5, 3, 4)), y_test=[1] * 5`;
        const { program, parameters } = pythonProgram(
          `import numpy as np; np.savez(${JSON.stringify(file)}, ${arrays})`,
        );
        execFileSync(program, parameters);
        return pythonExample('numpy_mlp.py', file);
      };
      const { ready } = await start(write(12), own);
      assert.deepEqual([ready.samples, ready.evaluates], [20, true]);
      const refused = new Conversation(write(11));
      started.push(refused);
      const { error } = await refused.ask(folder.hello, 'failed');
      assert.match(error ?? '', /do not fit the mesh/);
      assert.equal(await refused.exit, 1);
    });
  });
}

function twelve<T>(make: (index: number) => T): T[] {
  return Array.from({ length: 12 }, (_, i) => make(i));
}
