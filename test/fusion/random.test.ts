import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { createRandom, type Random, restoreRandom } from '../../fusion/index.ts';
import { toHex } from './hex.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uint32());

describe('seeded chance', () => {
  it('runs ChaCha with eight rounds: the keystream of the all-zero key is the published one', () => {
    // Test vector TC1 of draft-strombergson-chacha-test-vectors, 8 rounds, 256-bit key.
    const random = restoreRandom(new Uint8Array(16));
    const bytes = Uint8Array.from(
      draw(random, 16).flatMap((word) => [word, word >>> 8, word >>> 16, word >>> 24]),
    );
    assert.equal(
      toHex(bytes),
      '3e00ef2f895f40d67f5bb8e81f09a5a12c840ec3ce9a7f3b181be188ef711a1e' +
        '984ce172b9216f419f445367456d5619314a42a3da86b001387bfdb80e0cfe42',
    );
  });

  it('repeats itself for one seed and differs for another', () => {
    assert.deepEqual(draw(createRandom('a'), 50), draw(createRandom('a'), 50));
    assert.notDeepEqual(draw(createRandom('a'), 50), draw(createRandom('b'), 50));
  });

  it('goes on exactly where its state was taken, its forks too', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(100), fc.string(), (seed, drawn, name) => {
        const random = createRandom(seed);
        draw(random, drawn);
        const restored = restoreRandom(random.state());
        assert.deepEqual(draw(restored.fork(name), 5), draw(random.fork(name), 5));
        assert.deepEqual(draw(restored, 40), draw(random, 40));
      }),
      { seed: 1 },
    );
  });

  it('keeps its place beyond 2^32 draws', () => {
    const state = createRandom('long').state();
    new DataView(state.buffer).setUint32(10, 0xfffffff8, true);
    const random = restoreRandom(state);
    const first = draw(random, 8);
    const beyond = random.state();
    assert.deepEqual([...beyond.subarray(10)], [0, 0, 0, 0, 1, 0]);
    const second = draw(random, 8);
    assert.deepEqual(draw(restoreRandom(beyond), 8), second);
    assert.notDeepEqual(first, second);
  });

  it('forks by name alone, whatever the parent has drawn', () => {
    const fresh = createRandom('seed');
    const used = createRandom('seed');
    draw(used, 33);
    assert.deepEqual(draw(fresh.fork('x'), 20), draw(used.fork('x'), 20));
    assert.notDeepEqual(draw(fresh.fork('x'), 20), draw(fresh.fork('y'), 20));
    assert.notDeepEqual(draw(fresh.fork('x').fork('y'), 20), draw(fresh.fork('y').fork('x'), 20));
  });

  it('draws floats in [0, 1) with a mean and a variance like the uniform law', () => {
    const random = createRandom('moments');
    let sum = 0;
    let squares = 0;
    const count = 100_000;
    for (let i = 0; i < count; i++) {
      const u = random.float();
      assert(u >= 0 && u < 1);
      sum += u;
      squares += (u - 0.5) ** 2;
    }
    assert(Math.abs(sum / count - 0.5) < 0.005);
    assert(Math.abs(squares / count - 1 / 12) < 0.001);
  });

  it('draws below n without favour, also where n does not divide 2^32', () => {
    const random = createRandom('below');
    const counts = new Array<number>(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[random.below(7)]++;
    // Chi-square with six degrees of freedom: 22.5 is passed by chance once in a thousand seeds.
    assert(counts.reduce((sum, count) => sum + (count - 10_000) ** 2 / 10_000, 0) < 22.5);
    assert.equal(createRandom('one').below(1), 0);
    // Two thirds of 2^32: plain modulo would favour the lower half of the numbers two to one.
    const n = Math.floor((2 ** 32 * 2) / 3);
    let low = 0;
    for (let i = 0; i < 10_000; i++) if (random.below(n) < n / 2) low++;
    assert(Math.abs(low - 5_000) < 250, `${low} of 10,000 in the lower half`);
  });

  it('refuses a range that is not one', () => {
    for (const n of [0, -1, 1.5, Number.NaN, 2 ** 32 + 1]) assert.throws(() => createRandom('').below(n));
    assert.throws(() => restoreRandom(new Uint8Array(15)));
  });

  it('takes its key from the SHA-256 of the seed', () => {
    const digest = createHash('sha256').update('meldmesh/random/seed').digest('hex');
    assert.equal(toHex(createRandom('seed').state()), `${digest.slice(0, 20)}000000000000`);
  });
});
