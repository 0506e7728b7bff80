import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  formatBytes,
  formatColumns,
  formatCount,
  formatDigest,
  formatNumberWord,
  formatPercent,
  formatSeconds,
} from '../../cli/format.ts';

describe('numbers for people', () => {
  it('give bytes a unit and at most one decimal', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [1023, '1023 B'],
      [1024, '1.0 KiB'],
      [2458, '2.4 KiB'],
      [102_400, '100 KiB'],
      [1_048_575, '1.0 MiB'],
      [17 * 2 ** 20, '17.0 MiB'],
      [5 * 2 ** 40, '5.0 TiB'],
    ];
    for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
  });

  it('never show four digits before a unit above bytes', () => {
    const bytes = fc.integer({ min: 1024, max: 2 ** 49 });
    fc.assert(
      fc.property(bytes, (value) => Number.parseFloat(formatBytes(value)) < 1024),
      { seed: 1 },
    );
  });

  it('give times, fractions, counts and digests', () => {
    assert.equal(formatSeconds(0.4), '0.40 s');
    assert.equal(formatSeconds(9.996), '10.0 s');
    assert.equal(formatSeconds(99.96), '1 min 40 s');
    assert.equal(formatSeconds(245), '4 min 05 s');
    assert.equal(formatSeconds(7_380), '2 h 03 min');
    assert.equal(formatPercent(0.93625), '93.63 %');
    assert.equal(formatPercent(undefined), '–');
    assert.equal(formatCount(8_000), '8,000');
    assert.equal(formatCount(1_234_567), '1,234,567');
    assert.equal(formatCount(999), '999');
    assert.equal(formatDigest('0123456789abcdef'), '01234567');
    assert.equal(formatDigest(undefined), '–');
    assert.equal(formatNumberWord(5), 'Five');
    assert.equal(formatNumberWord(12), '12');
  });

  it('stand in columns, right or left', () => {
    const rows = [
      ['node', 'in'],
      ['0', '12 B'],
      ['10', '7 B'],
    ];
    assert.deepEqual(formatColumns(rows, [false, true]), ['node    in', '0     12 B', '10     7 B']);
  });
});
