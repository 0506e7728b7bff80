// Payloads that no encoder wrote. A check may accept one only when it decodes to finite numbers in their places.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Codec, codecNames, createRandom, MAGNITUDE_MAX, type ModelLayout } from '../../fusion/index.ts';
import { codecOf, decoded, encodables, layoutFrom, layouts } from './vectors-of-floats.ts';

const names = [...codecNames, 'top50:8', 'top12.5:2', 'top50:1'];
const random = () => createRandom('hostile');

/** Puts the bytes to the codec as a node would: nothing throws, nothing accepted is not finite. */
function face(codec: Codec, payload: Uint8Array, layout: ModelLayout): boolean {
  const problem = codec.check(payload, layout);
  if (problem !== undefined) {
    assert.match(problem, /^[a-z].{5,}/i, 'the reason is a sentence');
    return false;
  }
  const values = decoded(codec, payload, layout);
  assert.equal(values.length, layout.size);
  for (const value of values) assert(Math.abs(value) <= MAGNITUDE_MAX, `accepted ${value}`);
  assert(payload.length <= codec.payloadBytesMax(layout));
  return true;
}

describe('hostile payloads', () => {
  for (const name of names) {
    const codec = codecOf(name);

    it(`${name}: random bytes never throw`, () => {
      fc.assert(
        fc.property(layouts, fc.uint8Array({ maxLength: 4000, size: 'max' }), (layout, bytes) => {
          face(codec, bytes, layout);
          // The right length gets past the first question.
          const bytesMax = codec.payloadBytesMax(layout);
          face(
            codec,
            Uint8Array.from({ length: bytesMax }, (_, i) => bytes[i % (bytes.length || 1)] ?? 0),
            layout,
          );
        }),
        { seed: 6, numRuns: 150 },
      );
    });

    it(`${name}: valid payloads with changed bytes are refused or decode to finite numbers`, () => {
      let accepted = 0;
      const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
        minLength: 1,
        maxLength: 3,
      });
      fc.assert(
        fc.property(encodables, changes, ({ layout, delta }, places) => {
          const payload = codec.encode(delta, layout, random());
          for (const [place, change] of places) payload[place % payload.length] ^= change;
          if (face(codec, payload, layout)) accepted++;
        }),
        { seed: 7, numRuns: 150 },
      );
      assert(accepted < 150, 'not everything is accepted');
    });

    it(`${name}: another length is refused`, () => {
      fc.assert(
        fc.property(
          encodables,
          fc.nat(),
          fc.uint8Array({ minLength: 1, maxLength: 40 }),
          (example, cut, more) => {
            const { layout, delta } = example;
            const payload = codec.encode(delta, layout, random());
            assert.equal(face(codec, payload.subarray(0, cut % payload.length), layout), false);
            assert.equal(face(codec, Uint8Array.from([...payload, ...more]), layout), false);
          },
        ),
        { seed: 8, numRuns: 40 },
      );
    });

    it(`${name}: scales and values that are NaN, infinite, −0 or above the limit are refused`, () => {
      const layout = layoutFrom([800]);
      const payload = codec.encode(
        Float32Array.from({ length: 800 }, (_, i) => i - 400),
        layout,
        random(),
      );
      const at = name.startsWith('top') ? 5 : 0;
      const bad = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 2 * MAGNITUDE_MAX, 3e38];
      for (const value of name === 'float32' ? bad : [...bad, -0, -1]) {
        const changed = payload.slice();
        new DataView(changed.buffer).setFloat32(at, value, true);
        assert.equal(face(codec, changed, layout), false, `${value}`);
      }
    });
  }

  it('sign, int4 and top refuse padding bits that are not zero', () => {
    const layout = layoutFrom([801]);
    const delta = Float32Array.from({ length: 801 }, (_, i) => i - 400);
    // 801 is odd and no multiple of eight, and 8 entries of top1:1 leave a part of a byte too.
    for (const name of ['sign', 'int4', 'top1:1']) {
      const payload = codecOf(name).encode(delta, layout, random());
      payload[payload.length - 1] ^= 0x80;
      assert.match(codecOf(name).check(payload, layout) ?? '', /padding/, name);
    }
  });

  it('a scale of zero goes with zeros only, so that nothing is said in two ways', () => {
    const layout = layoutFrom([800]);
    for (const name of names.filter((name) => name !== 'float32')) {
      const codec = codecOf(name);
      const payload = codec.encode(
        Float32Array.from({ length: 800 }, (_, i) => i - 400),
        layout,
        random(),
      );
      payload.fill(
        0,
        name.startsWith('top') ? 5 : 0,
        name.startsWith('top') ? (name.endsWith('2') ? 13 : 9) : 4,
      );
      assert.equal(face(codec, payload, layout), false, name);
    }
  });

  it('integers that two’s complement has to spare are refused', () => {
    const layout = layoutFrom([4]);
    const int8 = codecOf('int8').encode(Float32Array.of(1, 2, 3, 4), layout, random());
    int8[4] = 0x80;
    assert.match(codecOf('int8').check(int8, layout) ?? '', /integer/);
    const int4 = codecOf('int4').encode(Float32Array.of(1, 2, 3, 4), layout, random());
    int4[4] = 0x08;
    assert.match(codecOf('int4').check(int4, layout) ?? '', /integer/);
  });
});

describe('hostile top payloads', () => {
  const codec = codecOf('top1:1');
  const layout = layoutFrom([300]);

  /** Three entries of one bit by hand: Rice parameter, then bits as text, first bit first. */
  function byHand(rice: number, bits: string, count = 3): Uint8Array {
    const bytes = new Uint8Array(9 + Math.ceil(bits.length / 8));
    const view = new DataView(bytes.buffer);
    view.setUint32(0, count, true);
    view.setUint8(4, rice);
    view.setFloat32(5, 1, true);
    for (const [i, bit] of [...bits].entries()) if (bit === '1') bytes[9 + (i >> 3)] |= 1 << (i & 7);
    return bytes;
  }

  it('are accepted when they are what the encoder writes', () => {
    const delta = new Float32Array(300);
    delta.set([1, -1, 1], 0);
    const written = byHand(0, '00' + '01' + '00');
    assert.deepEqual(codec.encode(delta, layout, random()), written);
    assert.equal(codec.check(written, layout), undefined);
  });

  it('are refused with another number of entries than the codec’s', () => {
    for (const count of [0, 1, 2, 4, 0xffffffff]) {
      assert.match(codec.check(byHand(0, '000000', count), layout) ?? '', /number of entries/);
    }
  });

  it('are refused with a Rice parameter that is out of range or not the best', () => {
    for (const rice of [31, 32, 255]) assert.match(codec.check(byHand(rice, '000000'), layout) ?? '', /Rice/);
    // The same three indices as above, said with one needless bit each.
    assert.match(codec.check(byHand(1, '000' + '001' + '000'), layout) ?? '', /not the best/);
    // And a gap of 40 in unary, which a larger parameter says shorter.
    assert.match(
      codec.check(byHand(0, `${'1'.repeat(40)}000000`), layout) ?? '',
      /wrong length|not the best/,
    );
  });

  it('are refused with an index at or past the end', () => {
    const at = (index: number) => {
      const low = Array.from({ length: 7 }, (_, i) => (((index - 2) >> i) & 1).toString()).join('');
      const high = `${'1'.repeat((index - 2) >> 7)}0`;
      return byHand(7, `0${'0'.repeat(7)}0` + `0${'0'.repeat(7)}0` + `${high}${low}0`);
    };
    assert.doesNotMatch(codec.check(at(299), layout) ?? '', /index/);
    assert.match(codec.check(at(300), layout) ?? '', /index is out of range|wrong length/);
    assert.match(codec.check(at(383), layout) ?? '', /index is out of range|wrong length/);
  });

  it('that promise many entries and bring none cost nothing', () => {
    const large = layoutFrom([100_000_000]);
    const bytes = new Uint8Array(9);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 1_000_000, true);
    view.setFloat32(5, 1, true);
    assert.match(codec.check(bytes, large) ?? '', /ends too early/);
  });

  it('with every bit set are refused, however long', () => {
    const large = layoutFrom([10_000_000]);
    const bytes = new Uint8Array(codec.payloadBytesMax(large)).fill(0xff);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 100_000, true);
    for (const rice of [0, 5, 30]) {
      view.setUint8(4, rice);
      view.setFloat32(5, 1, true);
      assert.notEqual(codec.check(bytes, large), undefined);
    }
  });
});
