import assert from 'node:assert/strict';
import fc from 'fast-check';
import { codecNamed, codecNames, createRandom, MAGNITUDE_MAX, type ModelLayout } from '../../fusion/index.ts';
import { toHex } from './hex.ts';
import { slowTop, slowTopDecoded } from './slow-codec.ts';
import { codecOf, decoded, type Encodable, encodables, layoutFrom } from './vectors-of-floats.ts';

const random = () => createRandom('codec');
const clamp = (value: number) => Math.max(-MAGNITUDE_MAX, Math.min(MAGNITUDE_MAX, value));
const allNames = [...codecNames, 'top50:8', 'top12.5:2', 'top50:1', 'top0.001:1'];

/** Runs a property over layouts and vectors, always the same ones. */
function forVectors(numRuns: number, property: (example: Encodable) => void): void {
  fc.assert(fc.property(encodables, property), { seed: 5, numRuns });
}

describe('codec names', () => {
  it('are found again by the name that the codec has', () => {
    for (const name of allNames) assert.equal(codecNamed(name)?.name, name);
  });

  it('have one text each: anything else is no codec', () => {
    const others = [
      '',
      'float',
      'FLOAT32',
      'int8 ',
      'top',
      'top1',
      'top:1',
      'top1:4',
      'top1.0:1',
      'top01:1',
      'top.5:1',
    ];
    const beyond = [
      'top0:1',
      'top0.0:1',
      'top50.001:8',
      'top51:1',
      'top100:1',
      'top0.0001:1',
      'top-1:1',
      'top1:1\n',
    ];
    for (const name of [...others, ...beyond, '__proto__']) assert.equal(codecNamed(name), undefined, name);
  });
});

describe('every codec', () => {
  for (const name of allNames) {
    const codec = codecOf(name);

    it(`${name} accepts what it encodes, within its stated size, and decodes to finite numbers`, () => {
      forVectors(60, ({ layout, delta }) => {
        const before = toHex(delta);
        const payload = codec.encode(delta, layout, random());
        assert.equal(toHex(delta), before, 'the delta is not touched');
        assert.equal(codec.check(payload, layout), undefined);
        assert(payload.length <= codec.payloadBytesMax(layout));
        for (const value of decoded(codec, payload, layout)) assert(Math.abs(value) <= MAGNITUDE_MAX);
      });
    });

    it(`${name} adds weight times round32(value) to what is there`, () => {
      forVectors(20, ({ layout, delta }) => {
        const payload = codec.encode(delta, layout, random());
        const values = decoded(codec, payload, layout);
        for (const value of values) assert.equal(value, Math.fround(value));
        const sum = Float64Array.from(values, (_, i) => i / 3);
        const expected = sum.map((before, i) => before + 17 * values[i]);
        codec.addTo(sum, payload, 17, layout);
        assert.deepEqual(sum, expected);
      });
    });

    it(`${name} reads a payload inside of a larger buffer`, () => {
      forVectors(5, ({ layout, delta }) => {
        const payload = codec.encode(delta, layout, random());
        const buffer = new Uint8Array(payload.length + 7).fill(0xff);
        buffer.set(payload, 3);
        const inside = buffer.subarray(3, 3 + payload.length);
        assert.equal(codec.check(inside, layout), undefined);
        assert.deepEqual(decoded(codec, inside, layout), decoded(codec, payload, layout));
      });
    });

    it(`${name} asserts when asked to encode what is not finite or has another length`, () => {
      const layout = layoutFrom([3]);
      for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
        assert.throws(() => codec.encode(Float32Array.of(1, bad, 2), layout, random()), /finite/);
      }
      assert.throws(() => codec.encode(new Float32Array(4), layout, random()), /length/);
    });
  }
});

describe('float32', () => {
  it('gives back every bit, except beyond the limit', () => {
    forVectors(40, ({ layout, delta }) => {
      const codec = codecOf('float32');
      const payload = codec.encode(delta, layout, random());
      assert.equal(payload.length, 4 * layout.size);
      assert.deepEqual(
        decoded(codec, payload, layout),
        Float64Array.from(delta, (value) => clamp(value) + 0),
      );
    });
  });
});

for (const [name, most] of [
  ['int8', 127],
  ['int4', 7],
] as const) {
  describe(name, () => {
    const codec = codecOf(name);

    it('has exactly the stated size', () => {
      forVectors(20, ({ layout, delta }) => {
        const integers = name === 'int8' ? layout.size : Math.ceil(layout.size / 2);
        const expected = 4 * Math.ceil(layout.size / 1024) + integers;
        assert.equal(codec.encode(delta, layout, random()).length, expected);
      });
    });

    it('is off by less than one step of its block', () => {
      forVectors(60, ({ layout, delta }) => {
        const values = decoded(codec, codec.encode(delta, layout, random()), layout);
        let largest = 0;
        for (const [i, value] of values.entries()) {
          if (i % 1024 === 0)
            largest = Math.max(
              ...delta
                .subarray(i, i + 1024)
                .map(Math.abs)
                .map(clamp),
            );
          // One step, a rounding of the scale, and of a scale too small for float32's usual precision.
          const bound = (largest / most) * (1 + 1e-6) + (most + 1) * 2 ** -149;
          assert(Math.abs(value - clamp(delta[i])) <= bound, `${delta[i]} came back as ${value}`);
        }
      });
    });

    it('is right in the mean over many roundings', () => {
      const layout = layoutFrom([9]);
      const delta = Float32Array.of(1, -0.9, 0.77, -0.5, 0.31, 0.1, -0.03, 0.001, 0);
      const stream = createRandom('mean');
      const sum = new Float64Array(9);
      const times = 4000;
      for (let i = 0; i < times; i++)
        codec.addTo(sum, codec.encode(delta, layout, stream), 1 / times, layout);
      // A step has standard deviation at most 1 / (2 most); four and a half of them of the mean.
      const bound = 4.5 / (2 * most * Math.sqrt(times));
      for (const [i, value] of sum.entries())
        assert(Math.abs(value - delta[i]) < bound, `${delta[i]} → ${value}`);
    });

    it('rounds alike from one seed and otherwise from another', () => {
      const layout = layoutFrom([2000]);
      const delta = Float32Array.from({ length: 2000 }, (_, i) => Math.sin(i));
      const encode = (seed: string) => toHex(codec.encode(delta, layout, createRandom(seed)));
      assert.equal(encode('a'), encode('a'));
      assert.notEqual(encode('a'), encode('b'));
    });
  });
}

describe('sign', () => {
  it('is the sign of each value times the mean magnitude of its tensor', () => {
    const codec = codecOf('sign');
    forVectors(60, ({ layout, delta }) => {
      const payload = codec.encode(delta, layout, random());
      assert.equal(payload.length, 4 * layout.tensors.length + Math.ceil(layout.size / 8));
      const values = decoded(codec, payload, layout);
      for (const { offset, size } of layout.tensors) {
        const tensor = delta.subarray(offset, offset + size);
        const scale = Math.fround(clamp(tensor.reduce((sum, value) => sum + Math.abs(value), 0) / size));
        for (const [i, value] of tensor.entries()) {
          assert.equal(values[offset + i], value < 0 && scale > 0 ? -scale : scale);
        }
      }
    });
  });
});

describe('top', () => {
  const kept = (payload: Uint8Array) => new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  const countOf = (percent: number, { size }: ModelLayout) => Math.max(1, Math.round((size * percent) / 100));

  it('with one bit or two is what sorting and taking means gives', () => {
    for (const percent of [0.3, 1, 10, 50]) {
      for (const bits of [1, 2] as const) {
        const codec = codecOf(`top${percent}:${bits}`);
        forVectors(30, ({ layout, delta }) => {
          const values = decoded(codec, codec.encode(delta, layout, random()), layout);
          assert.deepEqual(values, slowTopDecoded(delta, countOf(percent, layout), bits));
        });
      }
    }
  });

  it('with eight bits keeps exactly the largest, each within half a step', () => {
    const codec = codecOf('top10:8');
    forVectors(60, ({ layout, delta }) => {
      const values = decoded(codec, codec.encode(delta, layout, random()), layout);
      const chosen = new Set(slowTop(delta, countOf(10, layout)));
      const largest = Math.min(MAGNITUDE_MAX, Math.max(...Array.from(delta, Math.abs)));
      for (const [i, value] of values.entries()) {
        if (!chosen.has(i)) assert.equal(value, 0);
        // Half a step, a rounding of the scale, and of a scale too small for float32's usual precision.
        else assert(Math.abs(value - clamp(delta[i])) <= (largest / 254) * (1 + 1e-6) + 128 * 2 ** -149);
      }
    });
  });

  it('keeps exactly k = max(1, round(n · percent / 100)) entries, halves rounded up', () => {
    for (const [name, size, count] of [
      ['top1:1', 10, 1],
      ['top1:1', 149, 1],
      ['top1:1', 150, 2],
      ['top0.3:2', 203_530, 611],
      ['top1:1', 203_530, 2035],
      ['top50:1', 3, 2],
      ['top50:1', 1, 1],
    ] as const) {
      const layout = layoutFrom([size]);
      const payload = codecOf(name).encode(new Float32Array(size).fill(1), layout, random());
      assert.equal(kept(payload), count);
      assert.equal(
        decoded(codecOf(name), payload, layout).findLastIndex((value) => value !== 0),
        count - 1,
        'of equal magnitudes the lower indices are kept',
      );
    }
  });
});
