import assert from 'node:assert/strict';
import { codecNamed, createRandom, type DenseSpec, initialWeights, layoutOf } from '../../fusion/index.ts';
import {
  createLearnerRounds,
  type LearnerRounds,
  openBuiltInTrainer,
} from '../../learning/learner-rounds.ts';
import { checkLearnerState, decodeLearnerState, encodeLearnerState } from '../../learning/learner-state.ts';
import type { LearnerInit, TrainedAnswer, TrainRequest } from '../../learning/worker-messages.ts';
import { blobs } from './samples.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 20,
  layers: [
    { units: 16, activation: 'relu' },
    { units: 4, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const init: LearnerInit = {
  spec,
  settings: { learningRate: 0.05, momentum: 0.9, batch: 16, localEpochs: 1 },
  scale: 255,
  codec: 'top1:1',
  backend: 'cpu',
  threads: 1,
  seed: 'member-1',
  data: blobs({ count: 200, inputSize: 20, classes: 4, seed: 'own' }),
  test: blobs({ count: 60, inputSize: 20, classes: 4, seed: 'own' }),
};
const layout = layoutOf(spec);
const model = initialWeights(spec, 'mesh');

async function open(change: Partial<LearnerInit> = {}): Promise<LearnerRounds> {
  const own = { ...init, ...change };
  return createLearnerRounds({ ...own, trainer: await openBuiltInTrainer(own) });
}

async function train(
  rounds: LearnerRounds,
  generation: number,
  takeBack: TrainRequest['takeBack'] = [],
): Promise<TrainedAnswer> {
  const answer = await rounds.answer({ kind: 'train', ticket: generation, model, generation, takeBack });
  assert(answer?.kind === 'trained');
  return answer;
}

function decoded(payload: Uint8Array, codecName: string): Float64Array {
  const codec = codecNamed(codecName);
  assert(codec !== undefined);
  const sum = new Float64Array(layout.size);
  codec.addTo(sum, payload, 1, layout);
  return sum;
}

describe("a learner's rounds", () => {
  for (const codec of ['top1:1', 'int4', 'float32']) {
    it(`are the same bytes on every repetition with ${codec}`, async () => {
      const [first, second] = [await open({ codec }), await open({ codec })];
      for (const generation of [1, 2, 3]) {
        const [a, b] = [await train(first, generation), await train(second, generation)];
        assert.deepEqual(a, b);
      }
    });
  }

  it('differ between members of different seeds', async () => {
    const [first, second] = [await open(), await open({ seed: 'member-2' })];
    assert.notDeepEqual((await train(first, 1)).state, (await train(second, 1)).state);
  });

  it('go on from a restored state as if nothing had happened', async () => {
    const unbroken = await open();
    const { state } = await train(unbroken, 1);
    const restarted = await open({ seed: 'drawn anew' });
    await restarted.answer({ kind: 'restore', state });
    assert.deepEqual(await train(restarted, 2), await train(unbroken, 2));
  });

  it('lose nothing: what was sent and what is left add up to what was trained', async () => {
    const exact = await train(await open({ codec: 'float32' }), 1);
    const sparse = await train(await open(), 1);
    const { residual } = decodeLearnerState(sparse.state, layout.size);
    const whole = decoded(exact.payload, 'float32');
    const sent = decoded(sparse.payload, 'top1:1');
    for (let i = 0; i < whole.length; i++) assert(Math.abs(sent[i] + residual[i] - whole[i]) < 1e-7);
  });

  it('send again what was taken back, and not what was then put back in place', async () => {
    const plain = await train(await open({ codec: 'float32' }), 2);
    const payload = (await train(await open({ codec: 'float32' }), 1)).payload;
    const owed = decoded(payload, 'float32');
    for (const sign of [1, -1] as const) {
      const rounds = await open({ codec: 'float32' });
      const sent = decoded((await train(rounds, 2, [{ payload, sign }])).payload, 'float32');
      const expected = decoded(plain.payload, 'float32');
      for (let i = 0; i < sent.length; i++) assert(Math.abs(sent[i] - expected[i] - sign * owed[i]) < 1e-6);
    }
  });

  it('take a payload back by the codec that it names', async () => {
    const payload = (await train(await open({ codec: 'int8' }), 1)).payload;
    const owed = decoded(payload, 'int8');
    const plain = decoded((await train(await open({ codec: 'float32' }), 2)).payload, 'float32');
    const back = await train(await open({ codec: 'float32' }), 2, [{ payload, sign: 1, codec: 'int8' }]);
    const sent = decoded(back.payload, 'float32');
    for (let i = 0; i < sent.length; i++) assert(Math.abs(sent[i] - plain[i] - owed[i]) < 1e-6);
    for (const codec of [undefined, 'zip']) {
      const rounds = await open({ codec: 'float32' });
      await assert.rejects(train(rounds, 2, [{ payload, sign: 1, codec }]), {
        code: 'MELDMESH_LEARNING_PAYLOAD',
      });
    }
  });

  it('leave the state as it was when they fail', async () => {
    const [failing, steady] = [await open(), await open()];
    await train(failing, 1);
    await train(steady, 1);
    await assert.rejects(train(failing, 2, [{ payload: new Uint8Array(3), sign: 1 }]), {
      code: 'MELDMESH_LEARNING_PAYLOAD',
    });
    const broken = model.slice().fill(Number.NaN);
    await assert.rejects(
      failing.answer({ kind: 'train', ticket: 1, model: broken, generation: 2, takeBack: [] }),
      {
        code: 'MELDMESH_LEARNING_DIVERGED',
      },
    );
    assert.deepEqual(await train(failing, 2), await train(steady, 2));
  });

  it('lower the loss on like data when each follows the last', async () => {
    const rounds = await open({ codec: 'float32' });
    const current = model.slice();
    const scoreOf = async () => {
      const answer = await rounds.answer({ kind: 'evaluate', ticket: 9, model: current });
      assert(answer?.kind === 'evaluated');
      return answer;
    };
    const before = await scoreOf();
    for (let generation = 1; generation <= 5; generation++) {
      const answer = await rounds.answer({
        kind: 'train',
        ticket: 1,
        model: current,
        generation,
        takeBack: [],
      });
      assert(answer?.kind === 'trained');
      for (const [i, value] of decoded(answer.payload, 'float32').entries()) current[i] += value;
    }
    const after = await scoreOf();
    assert(
      after.loss < before.loss / 2 && after.accuracy > before.accuracy,
      `${after.loss} ${after.accuracy}`,
    );
  });
});

describe('the state of a learner', () => {
  const state = encodeLearnerState({
    random: createRandom('a').state(),
    rounds: 3,
    steps: 2 ** 33,
    residual: Float32Array.of(1, -2),
    velocity: Float32Array.of(0.5, 4),
  });

  it('survives its bytes, also at an odd address', () => {
    const odd = new Uint8Array(state.length + 1);
    odd.set(state, 1);
    const back = decodeLearnerState(odd.subarray(1), 2);
    assert.deepEqual(back.random, createRandom('a').state());
    assert.deepEqual([back.rounds, back.steps], [3, 2 ** 33]);
    assert.deepEqual(
      [[...back.residual], [...back.velocity]],
      [
        [1, -2],
        [0.5, 4],
      ],
    );
  });

  it('is refused when it is damaged or of another model', () => {
    const damaged = (at: number, value: number) => {
      const copy = state.slice();
      copy[at] = value;
      return copy;
    };
    assert.match(checkLearnerState(state, 3) ?? '', /64 bytes, this model needs 72/);
    assert.match(checkLearnerState(state.subarray(1), 2) ?? '', /63 bytes/);
    assert.match(checkLearnerState(damaged(0, 0), 2) ?? '', /begin/);
    assert.match(checkLearnerState(damaged(4, 9), 2) ?? '', /version is 9/);
    assert.match(checkLearnerState(damaged(8, 3), 2) ?? '', /another model/);
    const infinite = damaged(50, 0x80);
    infinite[51] = 0x7f;
    assert.match(checkLearnerState(infinite, 2) ?? '', /not finite/);
    assert.throws(() => decodeLearnerState(infinite, 2), { code: 'MELDMESH_LEARNING_STATE' });
    assert.equal(checkLearnerState(state, 2), undefined);
  });
});
