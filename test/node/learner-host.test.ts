import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { initialWeights, parseModelName } from '../../fusion/index.ts';
import { DataError, type Dataset } from '../../learning/index.ts';
import { loadMnist } from '../../node/data-files.ts';
import { type LearnerHostOptions, type StartedLearner, startLearner } from '../../node/learner-host.ts';
import type { PortEvent, TrainJob } from '../../protocols/index.ts';
import { nodeBackend } from '../learning/node-backend.ts';

const model = parseModelName('mlp:32', { inputs: 784, classes: 10 });
assert(model !== undefined);
const manifest: LearnerHostOptions['manifest'] = {
  model,
  data: { inputs: 784, classes: 10, scale: 255 },
  training: { learningRate: 0.05, momentum: 0.9, batch: 32, localEpochs: 1 },
  codec: 'top1:1',
};
const { train: digits, test: testDigits } = loadMnist({ samples: 1_000, testSamples: 1_000 });
const weights = initialWeights(model, 'mesh');

interface Member {
  readonly learner: StartedLearner;
  /** The event that answers this ticket. */
  answer(ticket: number): Promise<PortEvent>;
  answered(): number;
}

const running: StartedLearner[] = [];

async function startMember(options: Partial<LearnerHostOptions> = {}): Promise<Member> {
  const events = new Map<number, PortEvent>();
  const waiting = new Map<number, (event: PortEvent) => void>();
  const learner = await startLearner({
    manifest,
    data: digits,
    test: testDigits,
    backend: 'wasm',
    threads: 1,
    seed: 'member',
    ...options,
    deliver(event) {
      assert('ticket' in event && !events.has(event.ticket), 'each ticket is answered once');
      events.set(event.ticket, event);
      waiting.get(event.ticket)?.(event);
    },
  });
  running.push(learner);
  return {
    learner,
    answered: () => events.size,
    answer: async (ticket) =>
      events.get(ticket) ?? new Promise<PortEvent>((resolve) => waiting.set(ticket, resolve)),
  };
}

function job(ticket: number, generation: number): TrainJob {
  return { ticket, generation, model: weights, takeBack: [] };
}

describe('the learner of a node', () => {
  afterEach(async () => {
    for (const learner of running.splice(0)) await learner.stop();
  });

  it('trains and evaluates in its worker and answers by events, never from within the call', async () => {
    const { learner, answer, answered } = await startMember();
    assert.equal(learner.backend, 'wasm');
    assert.equal(learner.samples, 1_000);
    learner.train(job(1, 1));
    learner.evaluate(weights, 2);
    assert.equal(answered(), 0);
    const trained = await answer(1);
    const evaluated = await answer(2);
    assert(trained.kind === 'trained' && evaluated.kind === 'evaluated');
    assert.equal(trained.steps, 31);
    assert(trained.payload.length < 1_000 && trained.loss > 0 && evaluated.loss > 1);
  });

  it('copies the model before it returns', async () => {
    const first = await startMember();
    const second = await startMember();
    first.learner.train(job(1, 1));
    const passing = weights.slice();
    second.learner.train({ ...job(1, 1), model: passing });
    passing.fill(9);
    assert.deepEqual(await first.answer(1), await second.answer(1));
  });

  it('goes on from a restored state with the bytes of a learner that never stopped', async () => {
    const unbroken = await startMember();
    unbroken.learner.train(job(1, 1));
    const first = await unbroken.answer(1);
    assert(first.kind === 'trained');
    unbroken.learner.train(job(2, 2));
    const restarted = await startMember({ seed: 'another' });
    restarted.learner.restore(first.state);
    restarted.learner.train(job(2, 2));
    assert.deepEqual(await restarted.answer(2), await unbroken.answer(2));
  });

  it('refuses a damaged state and is as before', async () => {
    const { learner, answer } = await startMember();
    assert.throws(() => learner.restore(new Uint8Array(10)), { code: 'MELDMESH_LEARNING_STATE' });
    learner.train(job(1, 1));
    assert.equal((await answer(1)).kind, 'trained');
  });

  for (const [generation, reason] of [
    [13, /the learning worker stopped: it ended with status 7/],
    [14, /the learning worker stopped: struck by lightning/],
  ] as const) {
    it(`answers failed when its worker dies in generation ${generation}, and goes on in a new one`, async () => {
      const workerUrl = new URL('./crashing-worker.ts', import.meta.url);
      const steady = await startMember();
      const struck = await startMember({ workerUrl });
      for (const { learner, answer } of [steady, struck]) {
        learner.train(job(1, 1));
        await answer(1);
      }
      struck.learner.train(job(2, generation));
      const failed = await struck.answer(2);
      assert(failed.kind === 'failed');
      assert.match(failed.error, reason);
      for (const { learner } of [steady, struck]) learner.train(job(3, 2));
      assert.deepEqual(await struck.answer(3), await steady.answer(3));
    });
  }

  it('gives a worker up that dies again and again, and says so at every question', async () => {
    const { learner, answer } = await startMember({
      workerUrl: new URL('./crashing-worker.ts', import.meta.url),
    });
    for (let ticket = 1; ticket <= 3; ticket++) {
      learner.train(job(ticket, 13));
      assert.equal((await answer(ticket)).kind, 'failed');
    }
    learner.train(job(4, 1));
    learner.evaluate(weights, 5);
    for (const ticket of [4, 5]) {
      const failed = await answer(ticket);
      assert(failed.kind === 'failed');
      assert.match(failed.error, /worker is gone: it ended with status 7/);
    }
  });

  it('reports a training that diverges and can train on', async () => {
    const { learner, answer } = await startMember();
    learner.train({ ...job(1, 1), model: weights.slice().fill(Number.NaN) });
    const failed = await answer(1);
    assert(failed.kind === 'failed');
    assert.match(failed.error, /training diverged: the loss is NaN after 1 steps/);
    learner.train(job(2, 1));
    assert.equal((await answer(2)).kind, 'trained');
  });

  it('of an observer starts no worker and answers failed', async () => {
    const { learner, answer, answered } = await startMember({ data: undefined, test: undefined });
    assert.deepEqual([learner.backend, learner.samples], ['none', 0]);
    learner.train(job(1, 1));
    learner.evaluate(weights, 2);
    assert.equal(answered(), 0);
    assert.deepEqual([(await answer(1)).kind, (await answer(2)).kind], ['failed', 'failed']);
  });

  it('does not start with data of another shape', async () => {
    const wide: Dataset = { ...digits, inputSize: 392, count: 2_000, labels: new Uint8Array(2_000) };
    await assert.rejects(startMember({ data: wide }), (error: unknown) => error instanceof DataError);
  });

  it('takes libtensorflow where it is installed, else wasm, and says what to know of it', async () => {
    const { learner } = await startMember({ backend: 'auto', threads: 2 });
    assert.equal(learner.backend, nodeBackend[0] ?? 'wasm');
    const expected =
      learner.backend === 'node'
        ? /--backend wasm trains dense models faster/
        : /^wasm uses one thread, not 2/;
    assert.match(learner.notes.join('\n'), expected);
  });

  it('leaves the main thread idle while it trains and evaluates', async () => {
    const { learner, answer } = await startMember();
    const before = performance.eventLoopUtilization();
    for (let generation = 1; generation <= 8; generation++) {
      learner.train(job(2 * generation, generation));
      learner.evaluate(weights, 2 * generation + 1);
      await answer(2 * generation);
      await answer(2 * generation + 1);
    }
    const { utilization } = performance.eventLoopUtilization(before);
    assert(utilization < 0.5, `${utilization} of the time`);
  });

  it('never loads TensorFlow.js on the main thread', () => {
    const program = `
      import { _cache } from 'node:module';
      await import(${JSON.stringify(new URL('../../node/learner-host.ts', import.meta.url).href)});
      await import(${JSON.stringify(new URL('../../node/data-files.ts', import.meta.url).href)});
      console.log(Object.keys(_cache).filter((path) => path.includes('tensorflow')).length);
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
      encoding: 'utf8',
    });
    assert.equal(output.trim(), '0');
  });

  it('is silent after it was stopped in mid-training', async () => {
    const { learner } = await startMember();
    learner.train(job(1, 1));
    await learner.stop();
    await learner.stop();
  });
});
