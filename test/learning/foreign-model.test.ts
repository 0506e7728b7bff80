// What becomes of a model from elsewhere in its member's first round: brought into the shared order and taken, or left, with
// numbers that say why.
import assert from 'node:assert/strict';
import {
  codecNamed,
  createRandom,
  type DenseSpec,
  initialWeights,
  layoutOf,
  permutationSpecOf,
  permuteModel,
  randomPermutations,
} from '../../fusion/index.ts';
import { subset } from '../../learning/dataset.ts';
import { type BroughtIn, bringIn } from '../../learning/foreign/bring-in.ts';
import { BARRIER_MAX, SHARES } from '../../learning/foreign/constants.ts';
import type { ForeignCandidate, ForeignModel } from '../../learning/foreign/foreign-model.ts';
import { choose, type Judged } from '../../learning/foreign/judge.ts';
import { createLearnerRounds, openBuiltInTrainer } from '../../learning/learner-rounds.ts';
import { decodeLearnerState } from '../../learning/learner-state.ts';
import { openTrainer } from '../../learning/open-trainer.ts';
import type { LearnerInit, TrainedAnswer } from '../../learning/worker-messages.ts';
import { blobs } from './samples.ts';

const spec: DenseSpec = {
  kind: 'dense',
  inputs: 20,
  layers: [
    { units: 24, activation: 'relu' },
    { units: 16, activation: 'relu' },
    { units: 4, activation: 'linear' },
  ],
  loss: 'softmax-cross-entropy',
};
const layout = layoutOf(spec);
const settings = { learningRate: 0.02, momentum: 0.9, batch: 16, localEpochs: 1 };
const all = blobs({ count: 900, inputSize: 20, classes: 4, seed: 'own' });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const [own, test, elsewhere] = [range(0, 300), range(300, 500), range(500, 900)].map((at) => subset(all, at));

describe('the gate', () => {
  /** A candidate with this loss on each of a hundred samples, give or take what makes the standard error of differences 0.01. */
  const judged = (loss: number, told: Partial<ForeignCandidate>): Judged => {
    const losses = Float64Array.from(
      { length: 100 },
      (_, i) => loss + (told.share ?? 0) * (i % 2 === 0 ? 0.1 : -0.1),
    );
    const candidate = {
      method: told.method ?? 'weights',
      share: 1,
      repaired: false,
      weights: new Float32Array(0),
    };
    const gains = { lossGain: { mean: 1 - loss, stdError: 0.01 }, accuracyGain: { mean: 0, stdError: 0.01 } };
    const score = { loss, accuracy: 0.5, losses, hits: new Float64Array(100) };
    return { candidate, score, told: { ...candidate, loss, accuracy: 0.5, barrier: 0, ...gains, ...told } };
  };

  it('bars what lies behind a barrier, unless the shared model has nothing to lose', () => {
    const behind = judged(0.5, { barrier: BARRIER_MAX + 0.01 });
    const { chosen, reason } = choose([behind], true);
    assert.deepEqual([chosen, /the way to it is barred/.test(reason)], [undefined, true]);
    assert.equal(choose([behind], false).chosen, behind);
    assert.equal(choose([behind, judged(0.6, { barrier: BARRIER_MAX })], true).chosen?.told.loss, 0.6);
  });

  it('wants loss or accuracy clearly better, and neither clearly worse', () => {
    const gain = (loss: number, accuracy: number) => ({
      lossGain: { mean: loss, stdError: 0.1 },
      accuracyGain: { mean: accuracy, stdError: 0.1 },
    });
    const passes = (loss: number, accuracy: number) =>
      choose([judged(0.5, gain(loss, accuracy))], true).chosen !== undefined;
    assert.deepEqual(
      [passes(0.11, 0), passes(0, 0.11), passes(-0.09, 0.2), passes(0.2, -0.09)],
      [true, true, true, true],
    );
    assert.deepEqual([passes(0.09, 0.09), passes(-0.11, 0.5), passes(0.5, -0.11)], [false, false, false]);
  });

  it('takes the most of the foreign model that has no clearly higher loss than the best', () => {
    const all = [judged(0.5, { share: 0.25 }), judged(0.503, { share: 0.75 }), judged(0.6, { share: 1 })];
    assert.equal(choose(all, true).chosen?.told.share, 0.75);
  });

  it('prefers the order by weights, unless that by activations has a clearly lower loss', () => {
    const by = (weights: number, activations: number) =>
      choose(
        [judged(weights, { share: 0.5 }), judged(activations, { share: 0.6, method: 'activations' })],
        true,
      ).chosen?.told.method;
    assert.deepEqual([by(0.5, 0.4995), by(0.5, 0.4)], ['weights', 'activations']);
  });
});

describe('a model from elsewhere', () => {
  let shared: Float32Array;
  let later: Float32Array;
  /** `later` with its hidden units in another order. */
  let shuffled: Float32Array;

  before(async () => {
    const trainer = await openTrainer({ spec, scale: 255, backend: 'wasm' });
    const train = (weights: Float32Array, epochs: number, name: string): Float32Array =>
      trainer.train({
        weights,
        velocity: new Float32Array(layout.size),
        data: elsewhere,
        settings: { ...settings, localEpochs: epochs },
        random: createRandom(name),
      }).weights;
    shared = train(initialWeights(spec, 'mesh'), 1, 'a');
    later = train(shared, 4, 'b');
    const symmetries = permutationSpecOf(spec);
    const permutations = randomPermutations(symmetries, createRandom('order'));
    shuffled = permuteModel({ weights: later, layout, spec: symmetries, permutations });
  });

  const bring = (
    weights: Float32Array,
    change: Partial<Parameters<typeof bringIn>[0]> & { readonly how?: ForeignModel['how'] } = {},
  ): Promise<BroughtIn> => {
    const foreign = { weights, samples: 400, how: change.how ?? 'align', codec: 'int8' } as const;
    return bringIn({
      spec,
      scale: 255,
      data: own,
      test: undefined,
      seed: 'x',
      generation: 3,
      shared,
      foreign,
      ...change,
    });
  };

  it('whose units were only in another order is found out, entry for entry', async () => {
    const { decision, weights } = await bring(shuffled);
    assert.equal(decision.outcome, 'accepted', decision.reason);
    assert.equal(decision.chosen?.share, 1);
    assert.deepEqual(weights, later);
    const [byWeights] = decision.matchings;
    assert.equal(byWeights.method, 'weights');
    assert(byWeights.objective.after > byWeights.objective.before);
    assert(byWeights.distance.after < byWeights.distance.before / 2);
    for (const { outputDifference } of decision.matchings) assert(outputDifference < 1e-5);
  });

  it('is better between the two models when it is aligned than as it is', async () => {
    const { decision } = await bring(shuffled);
    const trainer = await openTrainer({ spec, scale: 255, backend: 'wasm' });
    const half = (end: Float32Array) => shared.map((value, i) => (value + end[i]) / 2);
    const [naive, aligned] = [shuffled, later].map((end) => trainer.evaluate(half(end), test).loss);
    assert(aligned < naive, `${aligned} ${naive}`);
    const middle = decision.candidates.find(
      ({ share, repaired, method }) => share === 0.5 && !repaired && method === 'weights',
    );
    assert(middle !== undefined && middle.barrier <= BARRIER_MAX && middle.lossGain.mean > 0);
  });

  it('is told with all its numbers', async () => {
    const { decision } = await bring(shuffled);
    const { holdOut, probes, samples, how, candidates, matchings } = decision;
    assert.deepEqual(
      { holdOut, probes, samples, how },
      { holdOut: 150, probes: 150, samples: 400, how: 'align' },
    );
    assert.deepEqual(
      matchings.map(({ method }) => method),
      ['weights', 'activations'],
    );
    assert.equal(candidates.length, 2 * (2 * SHARES.length - 1));
    const gains = candidates.flatMap(({ lossGain, accuracyGain }) => [lossGain, accuracyGain]);
    const numbers = [decision.shared, decision.foreign, ...candidates, ...gains].flatMap((each) =>
      Object.values(each ?? {}),
    );
    assert(numbers.every((value) => typeof value !== 'number' || Number.isFinite(value)));
    assert.deepEqual(structuredClone(decision), JSON.parse(JSON.stringify(decision)));
    assert.deepEqual((await bring(shuffled)).decision, decision, 'the same again');
  });

  for (const [what, scale] of [
    ['fresh', 1],
    ['huge', 100],
  ] as const) {
    it(`that is garbage (${what} random weights) is refused, and says why`, async () => {
      const garbage = initialWeights(spec, 'elsewhere').map((value) => scale * value);
      const { decision, weights } = await bring(garbage);
      assert.deepEqual([decision.outcome, weights], ['refused', undefined]);
      assert.match(decision.reason, /commonest label/);
      assert.equal(decision.chosen, undefined);
    });
  }

  it('that knows something, but nothing that the shared model does not, is refused with the numbers', async () => {
    const noise = initialWeights(spec, 'noise');
    const worse = shared.map((value, i) => value + 0.2 * noise[i]);
    const { decision } = await bring(later.slice(), { shared: later });
    const { decision: noisy } = await bring(worse, { shared: later });
    for (const { outcome, reason, candidates } of [decision, noisy]) {
      assert.equal(outcome, 'refused', reason);
      assert.match(reason, /no candidate is clearly better than the shared model: .* % of it has loss/);
      assert.equal(candidates.length, 14);
    }
  });

  it('that is the shared model itself brings nothing and is refused', async () => {
    assert.equal((await bring(shared)).decision.outcome, 'refused');
  });

  it('is matched by weights and judged on the test set where its member has no samples', async () => {
    const { decision } = await bring(shuffled, { data: undefined, test });
    assert.equal(decision.outcome, 'accepted', decision.reason);
    assert.deepEqual([decision.holdOut, decision.probes], [test.count, 0]);
    assert(decision.matchings.every(({ method }) => method === 'weights'));
    assert(decision.candidates.every(({ repaired }) => !repaired));
  });

  it('is refused where there is too little to judge it on', async () => {
    for (const data of [undefined, subset(own, range(0, 59))]) {
      const { decision } = await bring(shuffled, { data });
      assert.equal(decision.outcome, 'refused');
      assert.match(decision.reason, /too few samples/);
    }
  });

  it('comes in whole where the shared model has learnt nothing, and garbage does not', async () => {
    const untrained = initialWeights(spec, 'mesh').map((value) => value / 10);
    const { decision } = await bring(shuffled, { shared: untrained });
    assert.equal(decision.outcome, 'accepted', decision.reason);
    assert.match(decision.reason, /has learnt nothing yet/);
    assert(decision.candidates.every(({ share }) => share === 1));
    const garbage = initialWeights(spec, 'elsewhere');
    assert.equal((await bring(garbage, { shared: untrained })).decision.outcome, 'refused');
  });

  it('is taken as it is, without order and judgement, where the mesh is naive', async () => {
    const garbage = initialWeights(spec, 'elsewhere');
    const { decision, weights } = await bring(garbage, { how: 'naive' });
    assert.deepEqual([decision.outcome, weights], ['accepted', garbage]);
    assert.deepEqual([decision.matchings, decision.candidates], [[], []]);
    assert(decision.shared !== undefined && decision.foreign !== undefined);
  });

  describe("in a learner's rounds", () => {
    const init: LearnerInit = {
      spec,
      settings,
      scale: 255,
      codec: 'top1:1',
      backend: 'wasm',
      threads: 1,
      seed: 'member',
      data: own,
      test,
    };
    const open = async (weights: Float32Array, change: Partial<ForeignModel> = {}) => {
      const foreign: ForeignModel = { weights, samples: 400, how: 'align', codec: 'int8', ...change };
      const own = { ...init, foreign };
      return createLearnerRounds({ ...own, trainer: await openBuiltInTrainer(own) });
    };
    const train = async (
      rounds: Awaited<ReturnType<typeof open>>,
      generation: number,
    ): Promise<TrainedAnswer> => {
      const model = shared;
      const answer = await rounds.answer({
        kind: 'train',
        ticket: generation,
        model,
        generation,
        takeBack: [],
      });
      assert(answer?.kind === 'trained');
      return answer;
    };
    const decoded = (payload: Uint8Array, name: string): Float64Array => {
      const sum = new Float64Array(layout.size);
      const codec = codecNamed(name) ?? assert.fail('no such codec');
      assert.equal(codec.check(payload, layout), undefined);
      codec.addTo(sum, payload, 1, layout);
      return sum;
    };

    it('is the first round, by its own codec and samples; the second is one like others', async () => {
      const rounds = await open(shuffled);
      const first = await train(rounds, 1);
      assert.deepEqual([first.codec, first.samples, first.steps], ['int8', 400, 0]);
      assert.equal(first.foreign?.outcome, 'accepted');
      const sent = decoded(first.payload, 'int8');
      const { residual, rounds: count } = decodeLearnerState(first.state, layout.size);
      assert.equal(count, 1);
      for (let i = 0; i < sent.length; i++) {
        assert(Math.abs(sent[i] + residual[i] - (later[i] - shared[i])) < 1e-5);
      }
      const second = await train(rounds, 2);
      assert.deepEqual([second.codec, second.samples, second.foreign], [undefined, undefined, undefined]);
      assert(second.steps > 0);
      decoded(second.payload, 'top1:1');
    });

    it('that is refused leaves a round like any other, but for the decision', async () => {
      const { foreign, ...refused } = await train(await open(initialWeights(spec, 'elsewhere')), 1);
      assert.equal(foreign?.outcome, 'refused');
      const plain = createLearnerRounds({ ...init, trainer: await openBuiltInTrainer(init) });
      assert.deepEqual(refused, await train(plain, 1));
    });

    it('comes too late for a member with a past', async () => {
      const earlier = createLearnerRounds({ ...init, trainer: await openBuiltInTrainer(init) });
      const { state } = await train(earlier, 1);
      const rounds = await open(shuffled);
      await rounds.answer({ kind: 'restore', state });
      const { codec, foreign } = await train(rounds, 2);
      assert.deepEqual([codec, foreign], [undefined, undefined]);
    });

    it('is an error that names the tensor when it is of another shape or not finite', async () => {
      const bad = (at: number) => shuffled.with(at, Number.NaN);
      const refused = { code: 'MELDMESH_LEARNING_FOREIGN' };
      await assert.rejects(open(bad(0)), { ...refused, message: /dense_0\/kernel holds NaN/ });
      await assert.rejects(open(bad(layout.size - 1)), { ...refused, message: /dense_2\/bias holds NaN/ });
      await assert.rejects(open(shuffled.subarray(1)), { ...refused, message: /has 971 weights/ });
      await assert.rejects(open(shuffled, { samples: 0 }), { ...refused, message: /0 samples/ });
    });
  });
});
