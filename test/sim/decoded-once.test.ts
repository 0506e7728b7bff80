// What many peers hear is decoded once, and added with the same bits.
import assert from 'node:assert/strict';
import { codecNamed, createRandom, layoutOf } from '../../fusion/index.ts';
import { DecodedOnce } from '../../sim/decoded-once.ts';
import { manifest } from '../contracts/fusion.ts';

describe('a codec that remembers', () => {
  const layout = layoutOf(manifest.model);
  for (const name of ['top1:1', 'top20:8', 'int8', 'sign', 'float32']) {
    const codec = codecNamed(name) ?? assert.fail(`no codec ${name}`);
    const payloads = ['a', 'b'].map((seed) => {
      const random = createRandom(seed);
      const delta = Float32Array.from({ length: layout.size }, () => random.float() - 0.5);
      return codec.encode(delta, layout, random);
    });

    it(`adds payloads of ${name} as the codec does, the first time and later`, () => {
      const remembering = new DecodedOnce(codec, layout);
      const [plain, sums] = [new Float64Array(layout.size), new Float64Array(layout.size)];
      for (const weight of [3, 7]) {
        for (const payload of payloads) {
          codec.addTo(plain, payload, weight, layout);
          remembering.addTo(sums, payload, weight);
        }
      }
      assert.deepEqual(sums, plain);
    });

    it(`names each place that payloads of ${name} touch once`, () => {
      const remembering = new DecodedOnce(codec, layout);
      const sums = new Float64Array(layout.size);
      for (const payload of payloads) codec.addTo(sums, payload, 1, layout);
      const places = remembering.placesOf(payloads.map((payload) => ({ payload, samples: 1 })));
      assert.equal(new Set(places).size, places.length);
      for (const [place, sum] of sums.entries()) assert(sum === 0 || places.includes(place));
    });
  }
});
