// What a trainer does wrong, and what its node makes of it: the round fails with a sentence, and the next one is trained.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StartedLearner } from '../../node/learner-host.ts';
import { blobs } from '../learning/samples.ts';
import { cleanUp, isAlive, temporaryFolder, until } from './support/processes.ts';
import {
  type AskedTrainer,
  askTrainer,
  faultyTrainer,
  processesWith,
  tinyTrainer,
} from './support/trainers.ts';

/** By habit, what the failed round says; after it the trainer is good. */
const FAILED_ROUNDS: Readonly<Record<string, RegExp>> = {
  crash: /ended with status 3; its last words: RuntimeError: CUDA out of memory/,
  killed: /the trainer ended by SIGKILL/,
  silent: /did not finish its training within 1\.5 s: give it more time with --trainer-timeout/,
  progressing: /did not finish its training within 1\.5 s; it was at step \d+/,
  flood: /printed more than 64 MiB of text/,
  'endless-line': /wrote a line of more than 1048576 bytes/,
  failed: /the trainer says: CUDA out of memory/,
  'no-file': /its file of weights cannot be read/,
  'other-id': /answered "trained" to question 8 and not "trained to question 1"/,
  'other-answer': /answered "evaluated" to question 1/,
  'no-steps': /does not keep to the protocol, its message "trained" has a fault \(steps: /,
  'nan-loss': /its message "trained" has a fault \(loss: /,
  'many-steps': /it took 3 steps where 2 were asked for/,
  nan: /dense_1\/bias holds a value that is not finite/,
  infinite: /dense_1\/bias holds a value that is not finite/,
  truncated: /file of weights is damaged \(tensor "dense_1\/bias" ends outside of the file\)/,
  longer: /file of weights has \d+ bytes, far more than the model/,
  'other-name': /lacks the tensor dense_1\/bias/,
  'other-shape': /dense_0\/kernel has the shape \[5, 6\] and not \[6, 5\]/,
  'other-type': /only float32/,
  'no-safetensors': /file of weights is damaged/,
};

/** By habit, the code and the sentence with which a learner does not start. */
const FAILED_STARTS: Readonly<Record<string, readonly [string, RegExp]>> = {
  exit: ['START', /ended with status 1 before it was ready; its last words: ModuleNotFoundError: .*torch/],
  mute: ['START', /was not ready within 0\.7 s of its start: run the command by hand/],
  refuses: ['START', /the trainer says: only protocol 2/],
  'other-protocol': ['PROTOCOL', /protocol: only version 1 is spoken/],
  'no-samples': ['PROTOCOL', /"ready" has a fault \(samples: /],
  'many-samples': ['PROTOCOL', /says that it has 10000 samples, but the mesh admits 1000 of a member/],
};

describe('a learner whose trainer goes wrong', function () {
  this.timeout(120_000);
  const running: StartedLearner[] = [];
  let folder: string;

  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    for (const learner of running.splice(0)) await learner.stop();
    const left = processesWith(folder);
    await cleanUp();
    assert.deepEqual(left, [], 'no process is left behind');
  });

  async function start(...[trainer, more]: Parameters<typeof askTrainer>): Promise<AskedTrainer> {
    const asked = await askTrainer(trainer, more);
    running.push(asked.learner);
    return asked;
  }

  for (const [habit, sentence] of Object.entries(FAILED_ROUNDS)) {
    it(`fails the round and trains the next one after: ${habit}`, async () => {
      const isSlow = habit === 'silent' || habit === 'progressing';
      const { train, learner } = await start({
        command: faultyTrainer(habit, join(folder, 'memory')),
        folder: join(folder, 'exchange'),
        timeoutMs: isSlow ? 1_500 : 60_000,
      });
      assert.deepEqual([learner.samples, learner.backend, learner.evaluates], [64, 'faulty', false]);
      const failed = await train(1);
      assert(failed.kind === 'failed', failed.kind);
      assert.match(failed.error, sentence);
      const trained = await train(2);
      assert.equal(trained.kind, 'trained', trained.kind === 'failed' ? trained.error : '');
      assert.deepEqual(
        readdirSync(join(folder, 'exchange')).filter((name) => !name.endsWith('.part')),
        [],
        'weights do not pile up',
      );
    });
  }

  for (const [habit, [code, sentence]] of Object.entries(FAILED_STARTS)) {
    it(`does not start with a code and a sentence: ${habit}`, async () => {
      const command = faultyTrainer(habit);
      const options = {
        command,
        folder: join(folder, 'exchange'),
        helloTimeoutMs: habit === 'mute' ? 700 : 60_000,
      };
      await assert.rejects(start(options), { code: `MELDMESH_TRAINER_${code}`, message: sentence });
    });
  }

  it('does not start where the command is no program, or its folder is gone', async () => {
    const exchange = join(folder, 'exchange');
    const refused = (command: readonly string[], message: RegExp, cwd = folder) =>
      assert.rejects(start({ command, folder: exchange, cwd }), {
        code: 'MELDMESH_TRAINER_COMMAND',
        message,
      });
    await refused(
      ['pyhton3', 'train.py'],
      /"pyhton3 train\.py" cannot be run, there is no such program: correct/,
    );
    await refused([folder], /EACCES/);
    await refused([process.execPath, 'a\0b'], /null bytes/);
    await refused([...tinyTrainer], /there is no folder .*gone/, join(folder, 'gone'));
  });

  it('goes on past text for people and answers that come twice', async () => {
    for (const habit of ['words', 'twice']) {
      const exchange = join(folder, habit);
      const { train, notices } = await start({ command: faultyTrainer(habit), folder: exchange });
      for (const generation of [1, 2]) assert.equal((await train(generation)).kind, 'trained');
      const said = notices.map(({ text }) => text);
      if (habit === 'words') {
        assert.deepEqual(said.slice(0, 6), [
          'epoch 1',
          '[1, 2]',
          '{"colour": "red"}',
          '{"type": "poem"}',
          '50%',
          '100%',
        ]);
      } else {
        assert.match(said[0], /"trained"/);
      }
    }
  });

  it('tells what the trainer prints, but not a flood of it', async () => {
    const { train, notices } = await start({
      command: faultyTrainer('flood'),
      folder: join(folder, 'exchange'),
    });
    await train(1);
    assert(notices.length > 20 && notices.length < 100, `${notices.length} lines`);
    assert(notices.some(({ text }) => /more lines were left out/.test(text)));
  });

  it('never gives up a trainer that fails in every round, and does not take it for a crash of its own', async () => {
    const { train } = await start({ command: faultyTrainer('crash'), folder: join(folder, 'exchange') });
    for (const generation of [1, 2, 3, 4, 5]) {
      const failed = await train(generation);
      assert(failed.kind === 'failed');
      assert.match(failed.error, /the trainer ended with status 3/);
    }
  });

  it('keeps the number of samples that was said first, and tells when another is said', async () => {
    const command = faultyTrainer('crash', join(folder, 'memory'));
    const { train, learner, notices } = await start({ command, folder: join(folder, 'exchange') });
    await train(1);
    await train(2);
    assert.equal(learner.samples, 64);
    const started = notices.find(({ code }) => code === 'TRAINER_STARTED');
    assert.match(started?.text ?? '', /it now says 60 samples, the mesh goes on to count 64/);
  });

  it('refuses a trainer that counts other samples than it was given', async () => {
    const data = blobs({ count: 30, inputSize: 6, classes: 3, seed: 'own' });
    const options = { command: faultyTrainer(), folder: join(folder, 'exchange') };
    await assert.rejects(start(options, { data }), {
      message: /says that it has 64 samples, but it was given 30/,
    });
  });

  it('evaluates by itself where the trainer does not', async () => {
    const test = blobs({ count: 30, inputSize: 6, classes: 3, seed: 'own' });
    const { learner, evaluate } = await start(
      { command: faultyTrainer(), folder: join(folder, 'exchange') },
      { test },
    );
    assert.equal(learner.evaluates, true);
    const event = await evaluate();
    assert.equal(event.kind, 'evaluated', event.kind === 'failed' ? event.error : '');
  });

  it('asks a trainer to stop in the middle of its work', async () => {
    const memory = join(folder, 'memory');
    const { learner, train } = await start({
      command: faultyTrainer('silent', memory),
      folder: join(folder, 'exchange'),
    });
    void train(1);
    await until(() => existsSync(join(memory, 'done')), 'it trains');
    await learner.stop();
    assert(existsSync(join(memory, 'stopped')), 'it heard the word');
  });

  it('ends a trainer that ignores its stop, and what that has started', async () => {
    const command = faultyTrainer('stubborn', folder);
    const { learner } = await start({ command, folder: join(folder, 'exchange') });
    const pids = readFileSync(join(folder, 'pids'), 'utf8').split(' ').map(Number);
    assert.deepEqual(pids.map(isAlive), [true, true]);
    await learner.stop();
    await until(() => !pids.some(isAlive), 'both are gone');
    assert(!existsSync(join(folder, 'exchange')), 'no samples are left behind');
  });

  it('ends the trainer with its thread, and goes on with both anew', async () => {
    const command = faultyTrainer('none', folder);
    const workerUrl = new URL('./support/crashing-trainer-worker.ts', import.meta.url);
    const { train } = await start({ command, folder: join(folder, 'exchange') }, { workerUrl });
    assert.equal((await train(1)).kind, 'trained');
    const [before] = processesWith(folder);
    const failed = await train(13);
    assert(failed.kind === 'failed');
    assert.match(failed.error, /the learning worker stopped/);
    await until(() => !processesWith(folder).includes(before), 'the trainer is gone');
    assert.equal((await train(2)).kind, 'trained');
  });

  it('is ended while it still waits for its trainer', async () => {
    const ending = new AbortController();
    const command = faultyTrainer('mute', '');
    const starting = start({ command, folder: join(folder, 'exchange') }, { signal: ending.signal });
    starting.catch(() => undefined);
    await until(() => existsSync(join(folder, 'exchange')), 'the trainer is started');
    ending.abort();
    await assert.rejects(starting);
  });
});
