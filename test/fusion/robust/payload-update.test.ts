import assert from 'node:assert/strict';
import fc from 'fast-check';
import { applyGeneration, codecNames, createRandom } from '../../../fusion/index.ts';
import { fuse, payloadUpdate, robustMeanNamed, updateLengths } from '../../../fusion/robust/index.ts';
import { codecOf, decoded, encodables, layoutFrom } from '../vectors-of-floats.ts';
import { norm } from './slow-rules.ts';
import { agreeing, denseOf } from './update-sets.ts';

describe('an update from a payload', () => {
  for (const name of codecNames) {
    it(`of ${name} says what the payload says`, () => {
      const codec = codecOf(name);
      fc.assert(
        fc.property(encodables, ({ layout, delta }) => {
          const payload = codec.encode(delta, layout, createRandom('a'));
          const update = payloadUpdate({ payload, codec, layout, weight: 5 });
          const said = decoded(codec, payload, layout);
          assert.deepEqual(
            denseOf(update, layout.size),
            Array.from(said, (value) => value + 0),
          );
          assert.equal(update.weight, 5);
        }),
        { seed: 3, numRuns: 20 },
      );
    });

    it(`of ${name} has as its weighted mean what a generation adds, to the bit`, () => {
      const codec = codecOf(name);
      const layout = layoutFrom([70, 30]);
      const parts = agreeing({ count: 5, size: layout.size, seed: name }).map((delta, i) => ({
        payload: codec.encode(delta, layout, createRandom(`${i}`)),
        samples: 3 + i,
      }));
      const S = new Float32Array(layout.size);
      const m = new Float32Array(layout.size);
      const scratch = new Float64Array(layout.size);
      applyGeneration({ S, m, parts, codec, layout, scratch, outerMomentum: 0, outerLearningRate: 1 });
      const updates = parts.map(({ payload, samples }) =>
        payloadUpdate({ payload, codec, layout, weight: samples }),
      );
      const { change } = fuse({ size: layout.size, updates }, robustMeanNamed('mean'));
      assert.deepEqual(Float32Array.from(denseOf(change, layout.size)), m);
    });
  }

  it('is sparse for sparse codecs, names an entry of zero too, and dense for dense ones', () => {
    const layout = layoutFrom([100]);
    const delta = Float32Array.from({ length: 100 }, (_, i) => (i === 50 ? 1 : i < 5 ? 1e-6 : 0));
    const sparse = codecOf('top3:8');
    const payload = sparse.encode(delta, layout, createRandom(''));
    const update = payloadUpdate({ payload, codec: sparse, layout, weight: 1 });
    assert.deepEqual(update.places, Uint32Array.of(0, 1, 50));
    assert.deepEqual(
      update.values.map((value) => Math.abs(value)),
      Float32Array.of(0, 0, 1),
    );
    const dense = codecOf('int8');
    const whole = dense.encode(delta, layout, createRandom(''));
    assert.equal(payloadUpdate({ payload: whole, codec: dense, layout, weight: 1 }).places, undefined);
  });

  it('leaves the scratch usable for the next one', () => {
    const layout = layoutFrom([40]);
    const codec = codecOf('float32');
    const scratch = new Float32Array(40).fill(7);
    for (const delta of agreeing({ count: 3, size: 40, seed: 'scratch' })) {
      const payload = codec.encode(delta, layout, createRandom(''));
      assert.deepEqual(payloadUpdate({ payload, codec, layout, weight: 1, scratch }).values, delta);
    }
  });
});

describe('the lengths of updates', () => {
  it('are those of the dense vectors, whatever is sparse', () => {
    const vectors = agreeing({ count: 4, size: 20, seed: 'lengths' });
    const places = Uint32Array.of(2, 3, 11, 19);
    const sparse = { places, values: Float32Array.from(places, (place) => vectors[3][place]), weight: 1 };
    const updates = [...vectors.slice(0, 3).map((values) => ({ values, weight: 1 })), sparse];
    for (const fused of [
      { values: vectors[3] },
      { places: Uint32Array.of(3, 4), values: Float32Array.of(1, -2) },
    ]) {
      const { norms, distances } = updateLengths({ size: 20, updates }, fused);
      for (const [i, update] of updates.entries()) {
        const dense = denseOf(update, 20);
        const other = denseOf(fused, 20);
        assert(Math.abs(norms[i] - norm(dense)) < 1e-9);
        assert(Math.abs(distances[i] - norm(dense.map((value, k) => value - other[k]))) < 1e-9);
      }
    }
  });
});
