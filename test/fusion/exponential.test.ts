import assert from 'node:assert/strict';
import fc from 'fast-check';
import { exponential, logarithm } from '../../fusion/exponential.ts';

/** Of float64, relative to the value. */
const ULPS = 4 * 2 ** -53;
const near = (actual: number, expected: number): boolean =>
  actual === expected || Math.abs(actual - expected) <= ULPS * Math.abs(expected);

describe('exponential and logarithm', () => {
  it('agree with the engine to the last few bits', () => {
    fc.assert(
      fc.property(fc.double({ min: -700, max: 709, noNaN: true }), (x) => near(exponential(x), Math.exp(x))),
      { seed: 68, numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.double({ min: 1e-300, max: 1e300, noNaN: true }), (x) =>
        near(logarithm(x), Math.log(x)),
      ),
      { seed: 69, numRuns: 3000 },
    );
    for (const x of [
      1e-12,
      1 - 1e-12,
      1 + 1e-12,
      Math.SQRT1_2,
      Math.SQRT2 + 1e-9,
      2,
      5e-324,
      2.2e-308,
      1.7e308,
    ]) {
      assert.ok(
        Math.abs(logarithm(x) - Math.log(x)) <= 1e-15 * Math.max(Math.abs(Math.log(x)), 1e-12),
        `ln ${x}`,
      );
      assert.ok(
        near(exponential(logarithm(x) / 2) ** 2, x) || Math.abs(exponential(logarithm(x)) / x - 1) < 1e-12,
      );
    }
  });

  it('end where float64 does', () => {
    assert.equal(exponential(0), 1);
    assert.equal(exponential(-1000), 0);
    assert.equal(exponential(Number.NEGATIVE_INFINITY), 0);
    assert.equal(exponential(1000), Number.POSITIVE_INFINITY);
    assert.ok(Math.abs(exponential(-740) / Math.exp(-740) - 1) < 0.01);
    assert.ok(Math.abs(exponential(709.7) / Math.exp(709.7) - 1) < 1e-12);
    assert.equal(logarithm(1), 0);
    assert.equal(logarithm(0), Number.NEGATIVE_INFINITY);
    assert.equal(logarithm(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY);
    assert.ok(
      Number.isNaN(logarithm(-1)) &&
        Number.isNaN(logarithm(Number.NaN)) &&
        Number.isNaN(exponential(Number.NaN)),
    );
  });
});
