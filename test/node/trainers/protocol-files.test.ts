// The two files that users copy, each under small programs that misbehave as users' programs do.
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DenseSpec, initialWeights } from '../../../fusion/index.ts';
import { Conversation, type TrainerCommand } from './conversation.ts';
import { hasNumpy, nodeProgram, pythonProgram } from './trainer-commands.ts';
import { TrainingFolder } from './training-folder.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 3,
  layers: [{ units: 2, activation: 'linear' }],
  loss: 'softmax-cross-entropy',
};
const settings = { learningRate: 0.1, momentum: 0, batch: 4, localEpochs: 1 };
const weights = initialWeights(spec, 'files');

/** The same programs in each language; each gives its weights back, all 1 higher, with loss 0.5. */
interface Language {
  readonly name: string;
  readonly good: TrainerCommand;
  readonly talkative: TrainerCommand;
  /** Fails for generation 5, works for any other. */
  readonly moody: TrainerCommand;
  /** Breaks its result as the seed of the round says: names, shape, nan, loss. */
  readonly wrong: TrainerCommand;
  /** Tells of 1,000 steps at once, and of one more later. */
  readonly eager: TrainerCommand;
  readonly endless: TrainerCommand;
  readonly broken: TrainerCommand;
}

const javascript = (body: string, more = ''): TrainerCommand =>
  nodeProgram(`import { run } from './meldmesh-trainer.js';
import { setTimeout } from 'node:timers/promises';
const up = (weights) => new Map([...weights].map(([name, { shape, data }]) => [name, { shape, data: data.map((x) => x + 1) }]));
${more}
await run({ samples: 8, async train(weights, job) { ${body} } });`);

const python = (body: string, more = ''): TrainerCommand =>
  pythonProgram(`import os, subprocess, sys, time
from meldmesh_trainer import run
def up(weights): return {name: array + 1 for name, array in weights.items()}
def train(weights, job):
${body.replace(/^/gm, '    ')}
${more}
run(train=train, samples=8)`);

const languages: Language[] = [
  {
    name: 'meldmesh-trainer.js',
    good: javascript('return { weights: up(weights), loss: 0.5 };'),
    talkative: javascript(`console.log('aloud'); process.stdout.write('{"type":"trained","id":1}\\n');
      return { weights: up(weights), loss: 0.5 };`),
    moody: javascript(`if (job.generation === 5) throw new RangeError('no luck');
      return { weights: up(weights), loss: 0.5 };`),
    wrong: javascript(`const other = up(weights);
      const [name, tensor] = [...other][0];
      if (job.seed === 'names') other.set('dense_9/kernel', tensor);
      if (job.seed === 'shape') other.set(name, { ...tensor, shape: [2, 3] });
      if (job.seed === 'nan') tensor.data[3] = NaN;
      return { weights: other, loss: job.seed === 'loss' ? Infinity : 0.5 };`),
    eager: javascript(`for (let step = 1; step <= 1_000; step++) await job.progress(step, 0.7);
      await setTimeout(400); await job.progress(1_001, 0.6);
      return { weights: up(weights), loss: 0.5 };`),
    endless: javascript('console.error("begun"); await setTimeout(60_000);'),
    broken: javascript('', 'throw new Error("no data here");'),
  },
];
if (hasNumpy) {
  languages.push({
    name: 'meldmesh_trainer.py',
    good: python('return up(weights), 0.5'),
    talkative: python(`print('aloud')
sys.__stdout__.write('{"type":"trained","id":1}\\n'); sys.__stdout__.flush()
os.write(1, b'{"type":"trained","id":1}\\n')
subprocess.run([sys.executable, '-c', 'import sys; print(len(sys.stdin.read()))'])
return up(weights), 0.5`),
    moody: python(`if job.generation == 5: raise RuntimeError('no luck')
return up(weights), 0.5`),
    wrong: python(`other = up(weights)
name = list(other)[0]
if job.seed == 'names': other['dense_9/kernel'] = other.pop(name)
if job.seed == 'shape': other[name] = other[name].T
if job.seed == 'nan': other[name][1, 1] = float('nan')
return other, float('inf') if job.seed == 'loss' else 0.5`),
    eager: python(`for step in range(1, 1001): job.progress(step, 0.7)
time.sleep(0.4)
job.progress(1001, 0.6)
return up(weights), 0.5`),
    endless: python(`print('begun', flush=True)
time.sleep(60)`),
    broken: python('pass', 'def train(weights): pass\nrun(trainer=lambda mesh: 1 / 0)'),
  });
}

const started: (Conversation | TrainingFolder)[] = [];

function open(command: TrainerCommand): { folder: TrainingFolder; trainer: Conversation } {
  const folder = new TrainingFolder({ spec, settings, scale: 1 });
  const trainer = new Conversation(command);
  started.push(trainer, folder);
  return { folder, trainer };
}

async function start(command: TrainerCommand): Promise<{ folder: TrainingFolder; trainer: Conversation }> {
  const { folder, trainer } = open(command);
  await trainer.ask(folder.hello, 'ready');
  return { folder, trainer };
}

for (const language of languages) {
  describe(language.name, () => {
    afterEach(async () => {
      for (const each of started.splice(0)) await (each instanceof Conversation ? each.end() : each.remove());
    });

    it('keeps what the program prints away from the protocol', async () => {
      const { folder, trainer } = await start(language.talkative);
      const { question, read } = folder.train(weights, { steps: 2 });
      assert.deepEqual(await trainer.ask(question, 'trained'), {
        type: 'trained',
        id: 1,
        steps: 2,
        loss: 0.5,
      });
      assert.deepEqual(
        read(),
        weights.map((w) => w + 1),
      );
      await trainer.words(/aloud/);
      await trainer.words(/"trained"/);
    });

    it('answers with the last words of an exception, shows all of it, and goes on', async () => {
      const { folder, trainer } = await start(language.moody);
      const { question } = folder.train(weights, { steps: 2 });
      const { error, id } = await trainer.ask(question, 'failed');
      assert.equal(id, question.id);
      assert.match(error ?? '', /^\w+Error: no luck$/);
      await trainer.words(/(line \d+, in train|at Object\.train|at train)/);
      await trainer.ask({ ...folder.train(weights, { steps: 2 }).question, generation: 6 }, 'trained');
    });

    it('refuses results with wrong names, shapes and values', async () => {
      const { folder, trainer } = await start(language.wrong);
      const faults = {
        names: /dense_9|dense_0/,
        shape: /shape/,
        nan: /not finite/,
        loss: /the loss is inf/i,
      };
      for (const [seed, fault] of Object.entries(faults)) {
        const { error } = await trainer.ask(folder.train(weights, { steps: 1, seed }).question, 'failed');
        assert.match(error ?? '', fault);
      }
      await trainer.ask(folder.train(weights, { steps: 1 }).question, 'trained');
    });

    it('refuses every damaged file of weights', async () => {
      const { folder, trainer } = await start(language.good);
      const header = { dtype: 'F32', shape: [3, 2], data_offsets: [0, 24] };
      const bias = { dtype: 'F32', shape: [2], data_offsets: [24, 32] };
      const whole = { 'dense_0/kernel': header, 'dense_0/bias': bias };
      const damaged: Record<string, Buffer> = {
        empty: Buffer.alloc(0),
        short: safetensors(whole, 32).subarray(0, 60),
        long: safetensors(whole, 40),
        hole: safetensors({ ...whole, 'dense_0/bias': { ...bias, data_offsets: [28, 36] } }, 36),
        overlap: safetensors({ ...whole, 'dense_0/bias': { ...bias, data_offsets: [20, 28] } }, 28),
        type: safetensors({ ...whole, 'dense_0/kernel': { ...header, dtype: 'F64' } }, 32),
        shape: safetensors({ ...whole, 'dense_0/kernel': { ...header, shape: [3, 3] } }, 32),
        negative: safetensors({ ...whole, 'dense_0/kernel': { ...header, shape: [-3, -2] } }, 32),
        missing: safetensors({ 'dense_0/kernel': header }, 24),
        list: safetensors([], 0),
        text: safetensors({ 'dense_0/kernel': 'F32' }, 32),
      };
      for (const [name, bytes] of Object.entries(damaged)) {
        folder.writeFile(`${name}.safetensors`, bytes);
        const { question } = folder.train(weights, { steps: 1 });
        await trainer.ask({ ...question, weights: `${name}.safetensors` }, 'failed');
      }
      folder.writeFile('whole.safetensors', safetensors(whole, 32));
      const { question, read } = folder.train(weights, { steps: 1 });
      await trainer.ask({ ...question, weights: 'whole.safetensors' }, 'trained');
      assert.deepEqual(read(), new Float32Array(8).fill(1));
    });

    it('leaves nothing behind where it cannot write, and goes on', async () => {
      const { folder, trainer } = await start(language.good);
      const { question } = folder.train(weights, { steps: 1 });
      mkdirSync(join(folder.path, question.result));
      writeFileSync(join(folder.path, question.result, 'full'), '');
      await trainer.ask(question, 'failed');
      assert.deepEqual(readdirSync(folder.path).toSorted(), [question.result, question.weights]);
      await trainer.ask(folder.train(weights, { steps: 1 }).question, 'trained');
    });

    it('reads and writes nothing outside of its folder', async () => {
      const { folder, trainer } = await start(language.good);
      const { question } = folder.train(weights, { steps: 1 });
      for (const result of ['../out.safetensors', join(folder.path, 'out'), '..', '']) {
        const { error } = await trainer.ask({ ...question, result }, 'failed');
        assert.match(error ?? '', /not a bare file name/);
      }
    });

    it('tells of progress a few times a second, however often it is called', async () => {
      const { folder, trainer } = await start(language.eager);
      await trainer.ask(folder.train(weights, { steps: 1 }).question, 'trained');
      const progress = trainer.heard.filter(({ type }) => type === 'progress');
      assert(progress.length >= 1 && progress.length < 100, `${progress.length} times`);
      assert.deepEqual(progress.at(-1), { type: 'progress', id: 1, step: 1_001, loss: 0.6 });
    });

    it('passes over lines and messages that it does not know', async () => {
      const { folder, trainer } = await start(language.good);
      for (const line of ['', 'hello?', '[]', '7', '{"type":7}', '{"type":"weather"}', '{'])
        trainer.say(line);
      const question = { ...folder.train(weights, { steps: 1 }).question, colour: 'blue' };
      await trainer.ask(question, 'trained');
    });

    it('says that it cannot evaluate where the program has no such function', async () => {
      const { folder, trainer } = open(language.good);
      assert.equal((await trainer.ask(folder.hello, 'ready')).evaluates, false);
      await trainer.ask(folder.evaluate(weights), 'failed');
    });

    it('ends in the middle of a round when the node is gone', async () => {
      const { folder, trainer } = await start(language.endless);
      trainer.say(folder.train(weights, { steps: 1 }).question);
      trainer.hangUp();
      assert.equal(await trainer.exit, 0);
    });

    it('answers what was asked before the node hung up', async () => {
      const { folder, trainer } = open(language.good);
      trainer.say(folder.hello);
      trainer.hangUp();
      await trainer.answer('ready');
      assert.equal(await trainer.exit, 0);
    });

    it('says why it cannot start', async () => {
      const stranger = open(language.good);
      const { error } = await stranger.trainer.ask({ ...stranger.folder.hello, protocol: 2 }, 'failed');
      assert.match(error ?? '', /protocol 1/);
      assert.equal(await stranger.trainer.exit, 1);
      const { folder, trainer } = open(language.broken);
      trainer.say(folder.hello);
      assert.equal(await trainer.exit, 1);
      await trainer.words(/no data here|ZeroDivisionError/);
    });
  });
}

/** A file with this header, whatever it says, and so many zeros. */
function safetensors(header: object, bytes: number): Buffer {
  const text = JSON.stringify(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(bytes)]);
}
