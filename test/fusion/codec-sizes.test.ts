// How many bytes and how long: the numbers that the README quotes.
import assert from 'node:assert/strict';
import { createRandom, layoutOf, type ModelLayout, parseModelName } from '../../fusion/index.ts';
import { setEntropyBits } from './slow-codec.ts';
import { codecOf, layoutFrom } from './vectors-of-floats.ts';

const spec = parseModelName('mlp:256', { inputs: 784, classes: 10 });
assert(spec !== undefined);
const digits = layoutOf(spec);

/** Heavy-tailed and uneven over the tensors, like the delta of a training. */
function trainedLike(layout: ModelLayout, seed: string): Float32Array {
  const random = createRandom(seed);
  const delta = new Float32Array(layout.size);
  for (const [index, { offset, size }] of layout.tensors.entries()) {
    for (let i = offset; i < offset + size; i++) delta[i] = (index + 1) * (random.float() - 0.5) ** 3;
  }
  return delta;
}

/** Magnitudes that put the chosen indices in runs. */
function clustered(layout: ModelLayout): Float32Array {
  const random = createRandom('clusters');
  const delta = new Float32Array(layout.size);
  let loud = false;
  for (let i = 0; i < delta.length; i++) {
    if (random.below(50) === 0) loud = random.below(10) === 0;
    delta[i] = (random.float() - 0.5) * (loud ? 10 : 1);
  }
  return delta;
}

describe('payload sizes', () => {
  for (const percent of [0.1, 0.3, 1, 3, 10, 25, 40, 50]) {
    it(`indices of top ${percent} % cost at most 10 % over the entropy of their set`, () => {
      for (const size of [20_000, digits.size]) {
        const layout = size === digits.size ? digits : layoutFrom([size]);
        const codec = codecOf(`top${percent}:1`);
        for (const delta of [trainedLike(layout, 'a'), clustered(layout)]) {
          const payload = codec.encode(delta, layout, createRandom(''));
          const count = new DataView(payload.buffer).getUint32(0, true);
          // Header of nine bytes, and one bit an entry for its sign.
          const indexBits = (payload.length - 9) * 8 - count;
          const ratio = indexBits / setEntropyBits(count, layout.size);
          assert(ratio < 1.1, `${codec.name} of ${size}: ${ratio.toFixed(3)} of the entropy`);
        }
      }
    });
  }

  it('of the digits model are those of the design', () => {
    const delta = trainedLike(digits, 'b');
    const bytes = (name: string) => codecOf(name).encode(delta, digits, createRandom('')).length;
    assert.equal(bytes('float32'), 814_120);
    assert.equal(bytes('int8'), 203_530 + 4 * 199);
    assert.equal(bytes('int4'), 101_765 + 4 * 199);
    assert.equal(bytes('sign'), 25_442 + 4 * 4);
    assert(bytes('top1:1') <= 2.4 * 1024, `top1:1 has ${bytes('top1:1')} bytes`);
    assert(bytes('top1:8') <= 4.1 * 1024, `top1:8 has ${bytes('top1:8')} bytes`);
    assert(bytes('top3:8') <= 11.1 * 1024, `top3:8 has ${bytes('top3:8')} bytes`);
    assert(bytes('top0.3:2') <= 1024, `top0.3:2 has ${bytes('top0.3:2')} bytes`);
  });

  it('never pass their bound, not even where all indices lie at the far end', () => {
    for (const name of ['top1:1', 'top0.3:2', 'top3:8', 'top50:1', 'top0.001:8']) {
      const codec = codecOf(name);
      for (const size of [1, 2, 3, 63, 64, 65, 1000, 4097]) {
        const layout = layoutFrom([size]);
        const delta = Float32Array.from({ length: size }, (_, i) => i);
        const payload = codec.encode(delta, layout, createRandom(''));
        assert(payload.length <= codec.payloadBytesMax(layout));
        assert.equal(codec.check(payload, layout), undefined);
      }
    }
  });
});
