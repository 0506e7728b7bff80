// docs/trainers.md is true: its messages are those of the code, its programs run, its numbers and codes are the code's.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { type DenseSpec, denseSpecSchema, initialWeights } from '../../../fusion/index.ts';
import { isTrainerErrorCode } from '../../../node/trainer/errors.ts';
import { decodeTrainerLine } from '../../../node/trainer/messages.ts';
import { createLeaderCell } from '../../../node/trainer/process-group.ts';
import { trainerInit } from '../../../node/trainer/trainer-init.ts';
import { blobs } from '../../learning/samples.ts';
import { Conversation, type TrainerCommand } from './conversation.ts';
import { hasNumpy, nodeProgram, pythonProgram } from './trainer-commands.ts';
import { TrainingFolder } from './training-folder.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const page = read('docs/trainers.md');
const flowing = page.replace(/\s+/g, ' ');
const blocks = (language: string): string[] =>
  Array.from(page.matchAll(new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms')), ([, text]) => text);

const tensor = z.strictObject({
  name: z.string(),
  dtype: z.literal('float32'),
  shape: z.array(z.number().int().positive()),
});
const file = z.string().regex(/^[\w-]+\.safetensors$/);
const settings = { learningRate: z.number(), momentum: z.number(), batch: z.int(), localEpochs: z.int() };
/** What a node says, key by key: a key that the page has and the code has not would be found here. */
const nodeMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    protocol: z.literal(1),
    meldmesh: z.string(),
    folder: z.string(),
    seed: z.string(),
    tensors: z.array(tensor),
    model: denseSpecSchema,
    data: z.strictObject({ inputs: z.int(), classes: z.int(), scale: z.number() }),
    training: z.strictObject(settings),
    samplesFile: file.optional(),
    testFile: file.optional(),
  }),
  z.strictObject({
    type: z.literal('train'),
    id: z.int(),
    generation: z.int(),
    steps: z.int(),
    seed: z.string(),
    weights: file,
    result: file,
  }),
  z.strictObject({ type: z.literal('evaluate'), id: z.int(), weights: file }),
  z.strictObject({ type: z.literal('stop') }),
]);

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 8,
  layers: [{ units: 3, activation: 'linear' }],
  loss: 'softmax-cross-entropy',
};
const mesh = {
  spec,
  settings: { learningRate: 0.5, momentum: 0, batch: 8, localEpochs: 3 },
  scale: 255,
  data: blobs({ count: 40, inputSize: 8, classes: 3, seed: 'page' }),
};

describe('docs/trainers.md', () => {
  const started: (Conversation | TrainingFolder)[] = [];
  const start = (command: TrainerCommand) => {
    const [trainer, folder] = [new Conversation(command), new TrainingFolder(mesh)];
    started.push(trainer, folder);
    return { trainer, folder };
  };
  afterEach(async () => {
    for (const each of started.splice(0)) await (each instanceof Conversation ? each.end() : each.remove());
  });

  it('shows every message of both sides as the code has it', () => {
    const seen = blocks('json').map((text) => {
      const message = JSON.parse(text);
      if (nodeMessage.safeParse(message).success) return message.type;
      const decoded = decodeTrainerLine(JSON.stringify(message));
      assert.deepEqual(decoded, message, text);
      return message.type;
    });
    const types = 'hello ready train progress trained evaluate evaluated failed failed stop';
    assert.deepEqual(seen, types.split(' '));
    const folder = new TrainingFolder({ ...mesh, test: mesh.data });
    started.push(folder);
    const weights = initialWeights(spec, 'page');
    const { question } = folder.train(weights, { steps: 1 });
    for (const message of [folder.hello, question, folder.evaluate(weights)]) nodeMessage.parse(message);
  });

  it('shows a conversation that the files for users really hold', async () => {
    const shown = blocks('json').map((text) => JSON.stringify(JSON.parse(text)));
    const [hello, , train, , , evaluate, , , , stop] = shown;
    const body = '({ name: "numpy", samples: 1600, evaluate() {}, train() {} })';
    const { trainer } = start(nodeProgram(`import { run } from './meldmesh-trainer.js'; await run${body};`));
    const ready = await trainer.ask(hello, 'ready');
    assert.deepEqual(ready, JSON.parse(shown[1]));
    // The files of the page are nowhere, so the questions are understood and cannot be answered.
    assert.equal((await trainer.ask(train, 'failed')).id, 1);
    assert.equal((await trainer.ask(evaluate, 'failed')).id, 2);
    trainer.say(stop);
    assert.equal(await trainer.exit, 0);
  });

  it('shows a JavaScript program that runs', async () => {
    const step = 'function takeStep(weights, samples, batch) { return samples.labels[batch[0]] / 4; }';
    const { trainer, folder } = start(nodeProgram(`${blocks('js')[0]}\n${step}`));
    assert.equal((await trainer.ask(folder.hello, 'ready')).samples, 40);
    const { question, read: result } = folder.train(initialWeights(spec, 'page'), { steps: 15 });
    await trainer.ask(question, 'trained');
    assert.equal(result().length, 27);
  });

  if (hasNumpy) {
    it('shows a Python program that learns', async () => {
      const { trainer, folder } = start(pythonProgram(blocks('python')[0]));
      assert.equal((await trainer.ask(folder.hello, 'ready')).samples, 40);
      const first = folder.train(initialWeights(spec, 'page'), { steps: 15 });
      const before = await trainer.ask(first.question, 'trained');
      const after = await trainer.ask(folder.train(first.read(), { steps: 60 }).question, 'trained');
      assert(after.loss < 0.7 * before.loss, `${before.loss} to ${after.loss}`);
    });
  }

  it('names every code of the errors, and no other', () => {
    const named = Array.from(page.matchAll(/^\| `(MELDMESH_TRAINER_\w+)` \|/gm), ([, code]) => code);
    for (const code of named) assert(isTrainerErrorCode(code), code);
    const codes = read('node/trainer/errors.ts').matchAll(/^ {2}(MELDMESH_TRAINER_\w+): '/gm);
    assert.deepEqual(
      named,
      Array.from(codes, ([, code]) => code),
    );
  });

  it('states the deadlines of the code', () => {
    const limits = trainerInit(
      { command: ['x'], folder: '/', samplesMax: 1 },
      { leader: createLeaderCell(), facts: undefined, sizes: { inputs: 1, classes: 2, scale: 1 } },
    );
    for (const text of [
      `from the start to \`ready\` | ${limits.helloTimeoutMs / 1000} s |`,
      `| ${limits.timeoutMs / 1000} s, or \`--trainer-timeout\` seconds`,
      `it waits ${limits.patienceMs.min / 1000} s, then 2 s, and so on up to ${limits.patienceMs.max / 1000} s`,
    ]) {
      assert(flowing.includes(text), text);
    }
  });
});
