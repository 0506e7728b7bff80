// Real training in virtual time: it learns, and no thread changes a bit of it.
import assert from 'node:assert/strict';
import { layoutOf } from '../../fusion/index.ts';
import { openTrainer } from '../../learning/index.ts';
import type { ScenarioInput } from '../../sim/index.ts';
import { openTrainingPool, TrainedRounds } from '../../sim/index.ts';
import { SimLearner } from '../../sim/learners/sim-learner.ts';
import { World } from '../../sim/world.ts';
import { manifest } from '../contracts/learner.ts';
import { blobs } from '../learning/samples.ts';
import { runTraining } from './training.ts';

const churn: ScenarioInput = {
  name: 'churn',
  peers: 5,
  compute: { speed: [0.7, 1.3] },
  network: { latencyMs: [1, 300], loss: 0.1 },
  faults: [{ kind: 'churn', fromMs: 1_000, untilMs: 8_000, everyMs: [500, 2_000] }],
  end: { generations: 8 },
};

describe('real training in a simulation', function () {
  this.timeout(60_000);

  it('learns: its model is better at the end than after one generation', async () => {
    const result = await runTraining({ name: 'learn', peers: 4, end: { generations: 12 } });
    assert(result.agreed && result.violation === undefined);
    const first = result.history.find(({ generation }) => generation === 1)?.accuracy ?? 1;
    const last = result.peers[0].accuracy ?? 0;
    assert(last > first && last > 0.9, `from ${first} to ${last}`);
  });

  it('has one outcome on no, one and two threads, deaths and restarts included', async () => {
    const here = await runTraining(churn, 0);
    assert(here.agreed && here.violation === undefined);
    for (const threads of [1, 2]) {
      const there = await runTraining(churn, threads);
      assert.equal(there.traceHash, here.traceHash, `${threads} threads`);
      assert.deepEqual(there.history, here.history);
    }
  });

  for (const threads of [0, 2]) {
    it(`is watched on ${threads === 0 ? 'no' : threads} threads: a residual forgotten at a restart is found`, async () => {
      const { violation, traceHash } = await runTraining(churn, threads, (work) => {
        work.restore = () => {};
      });
      assert.equal(violation?.checker, 'what was left out plus what was sent is what was trained');
      assert.match(violation.text, /residual is off by/);
      const again = await runTraining(churn, 0, (work) => {
        work.restore = () => {};
      });
      assert.equal(again.traceHash, traceHash, 'at the same moment, whatever the threads');
    });
  }
});

describe('a pool of training threads', function () {
  this.timeout(60_000);
  const data = blobs({ count: 40, inputSize: 6, classes: 3, seed: 'pool' });
  const spec = manifest.model;
  const { size } = layoutOf(spec);
  const shared = { spec, codec: manifest.codec, scale: 255, backend: 'wasm' as const };

  it('fails a round that diverges with the words that it has on one thread', async () => {
    const settings = { ...manifest.training, learningRate: 1e38 };
    const trainer = await openTrainer(shared);
    const pool = await openTrainingPool({ ...shared, settings, threads: 1 });
    const member = { spec, codec: manifest.codec, settings, data, test: undefined, seed: 'm', trainer };
    const job = { ticket: 1, model: new Float32Array(size).fill(1e20), generation: 1, takeBack: [] };
    const failures = await Promise.all(
      [undefined, pool].map((each) => {
        const training = new TrainedRounds({ ...member, pool: each }).train(job);
        return training.then(() => 'it was trained', String);
      }),
    );
    await pool.close();
    assert.match(String(failures[0]), /^LearningError: training diverged/);
    assert.equal(failures[1], failures[0]);
  });

  it('takes what it is given at the call, though the model lies in memory that others share', async () => {
    const pool = await openTrainingPool({ ...shared, settings: manifest.training, threads: 2 });
    const round = { data, seed: 'm', state: undefined, generation: 1, takeBack: [] };
    const model = new Float32Array(new SharedArrayBuffer(4 * size)).fill(0.1);
    const plain = await pool.train({ ...round, model: model.slice() });
    const moving = pool.train({ ...round, model });
    model.fill(Number.NaN);
    assert.deepEqual((await moving).payload, plain.payload);
    await pool.close();
  });

  it('ends a run by what is our own mistake, as one thread does, and never makes it an outcome', async () => {
    const settings = manifest.training;
    const trainer = await openTrainer(shared);
    const pool = await openTrainingPool({ ...shared, settings, threads: 1 });
    // Samples that were not checked against the model.
    const unchecked = { ...data, inputSize: 5 };
    const member = {
      spec,
      codec: manifest.codec,
      settings,
      data: unchecked,
      test: undefined,
      seed: 'm',
      trainer,
    };
    for (const each of [undefined, pool]) {
      const world = new World('mistake');
      const work = new TrainedRounds({ ...member, pool: each });
      const deliver = () => assert.fail('nothing is heard of it');
      const learner = new SimLearner({ world, work, roundMs: () => 10, alive: (run) => run, deliver });
      learner.train({ ticket: 1, model: new Float32Array(size), generation: 1, takeBack: [] });
      await assert.rejects(world.runUntil(100), /data was checked against the model/);
    }
    await pool.close();
  });

  it('says when no thread can start', async () => {
    const settings = manifest.training;
    const nonsense = { ...shared, settings, backend: 'abacus' as 'wasm', threads: 2 };
    await assert.rejects(openTrainingPool(nonsense), { code: 'MELDMESH_SIM_THREAD' });
  });
});
