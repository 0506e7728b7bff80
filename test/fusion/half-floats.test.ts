import assert from 'node:assert/strict';
import fc from 'fast-check';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from '../../fusion/half-floats.ts';

const kinds = [
  { name: 'binary16', from: fromFloat16, to: toFloat16, inf: 0x7c00, one: 0x3c00 },
  { name: 'bfloat16', from: fromBfloat16, to: toBfloat16, inf: 0x7f80, one: 0x3f80 },
] as const;

describe('sixteen-bit floats', () => {
  for (const { name, from, to, inf, one } of kinds) {
    it(`of ${name} come back as the same bits, all of them`, () => {
      for (let bits = 0; bits < 0x10000; bits++) {
        const value = from(bits);
        if (Number.isNaN(value)) assert((bits & 0x7fff) > inf && Number.isNaN(from(to(value))));
        else assert.equal(to(value), bits, `${bits}`);
      }
      assert.equal(from(one), 1);
      assert.equal(from(inf | 0x8000), Number.NEGATIVE_INFINITY);
    });

    it(`of ${name} rise with their bits, and the nearest is taken, of two equally near ones the even`, () => {
      fc.assert(
        fc.property(fc.integer({ min: 0, max: inf - 2 }), fc.boolean(), (bits, isNegative) => {
          const sign = isNegative ? -1 : 1;
          const [low, high] = [from(bits), from(bits + 1)];
          assert(low < high);
          const middle = (low + high) / 2;
          const flag = isNegative ? 0x8000 : 0;
          assert.equal(to(sign * middle), flag | (bits % 2 === 0 ? bits : bits + 1));
          assert.equal(to(sign * (middle - (high - low) / 8)), flag | bits);
          assert.equal(to(sign * (middle + (high - low) / 8)), flag | (bits + 1));
        }),
        { seed: 7, numRuns: 2_000 },
      );
    });
  }

  it('of binary16 are infinite from 65520 on, and finite below', () => {
    assert.equal(toFloat16(65_519.99), 0x7bff);
    assert.equal(toFloat16(65_520), 0x7c00);
    assert.equal(toFloat16(-1e30), 0xfc00);
    assert.equal(toFloat16(-0), 0x8000);
  });
});
