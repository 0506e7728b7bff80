// States that many peers share: one object for one history, and a checker that sees one that is not right.
import assert from 'node:assert/strict';
import { codecNamed, createRandom, initialWeights, layoutOf } from '../../fusion/index.ts';
import { type FusionPart, initialSeedOf } from '../../protocols/index.ts';
import { sharedFusion } from '../../sim/checkers/shared-fusion.ts';
import { SharedStates } from '../../sim/fusion-shared.ts';
import { hashOf } from '../../sim/hash.ts';
import type { SimulationView } from '../../sim/view.ts';
import { manifest, meshId } from '../contracts/fusion.ts';

const layout = layoutOf(manifest.model);
const codec = codecNamed(manifest.codec) ?? assert.fail('no such codec');
const initial = initialWeights(manifest.model, initialSeedOf(meshId));
const states = (): SharedStates => new SharedStates({ layout, codec, ...manifest.aggregation, initial });

describe('states that simulated peers share', () => {
  const partOf = (seed: string, name?: string): FusionPart => {
    const by = codecNamed(name ?? manifest.codec) ?? assert.fail('no such codec');
    const random = createRandom(seed);
    const delta = Float32Array.from({ length: layout.size }, () => random.float() - 0.5);
    const payload = by.encode(delta, layout, random);
    return { id: hashOf(payload), payload, samples: 10, codec: name };
  };
  const view = {} as SimulationView;

  it('are one and the same object for the same history', () => {
    const shared = states();
    const parts = [partOf('a'), partOf('b')];
    assert.equal(shared.apply(shared.initial, 1, parts), shared.apply(shared.initial, 1, parts));
    const other = shared.apply(shared.initial, 1, [parts[0]]);
    assert.notEqual(other.state, shared.apply(shared.initial, 1, parts).state);
  });

  it('give the same bits from the start, where only what the parts touch is brought on', () => {
    const shared = states();
    const mixed = [partOf('a', 'int8'), partOf('b', manifest.codec)];
    for (const parts of [[partOf('a')], [partOf('b'), partOf('c')], mixed, []]) {
      const { values, momentum, state } = shared.apply(shared.initial, 1, parts);
      const plain = shared.compute(shared.initial, parts);
      assert.deepEqual([values, momentum, state], [plain.values, plain.momentum, plain.state]);
    }
  });

  it('that one peer alone stands at are worked out again when their memory has been given up', () => {
    const shared = states();
    const lone = shared.apply(shared.initial, 1, [partOf('a')]);
    const common = shared.apply(shared.initial, 1, [partOf('b')]);
    shared.apply(shared.initial, 1, [partOf('b')]);
    const values = lone.values.slice();
    for (const state of [lone, common]) state.drop();
    assert.equal(lone.isLone, true);
    assert.notEqual(lone.values, lone.values, 'each who asks has them worked out');
    assert.deepEqual(lone.values, values);
    assert.equal(common.isLone, false);
    assert.equal(common.values, common.values);
  });

  it('are computed again now and then, and a part with other bytes is found', () => {
    const shared = states();
    const [part, other] = [partOf('a'), partOf('b')];
    const checker = sharedFusion(shared);
    for (let peer = 0; peer < 200; peer++) shared.apply(shared.initial, 1, [part]);
    assert.equal(checker.check?.(view, false), undefined);
    for (let peer = 0; peer < 200; peer++) {
      shared.apply(shared.initial, 1, [{ ...part, payload: other.payload }]);
    }
    assert.match(checker.check?.(view, false)?.text ?? '', /was taken as/);
  });
});
