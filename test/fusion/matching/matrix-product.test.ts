import assert from 'node:assert/strict';
import fc from 'fast-check';
import { multiplyRows } from '../../../fusion/matching/matrix-product.ts';

describe('the plain matrix product', () => {
  it('adds A·Bᵀ to what stands there, for any size', () => {
    const size = fc.integer({ min: 1, max: 11 });
    fc.assert(
      fc.property(size, size, fc.oneof(size, fc.constant(1025)), (rows, columns, depth) => {
        const left = Float32Array.from({ length: rows * depth + 3 }, (_, i) => ((i * 7) % 13) - 6);
        const right = Float32Array.from({ length: columns * depth }, (_, i) => ((i * 5) % 11) - 5);
        const into = new Float64Array(rows * columns).fill(100);
        multiplyRows({ left, right, rows, columns, depth, into });
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < columns; j++) {
            let sum = 100;
            for (let k = 0; k < depth; k++) sum += left[i * depth + k] * right[j * depth + k];
            assert.equal(into[i * columns + j], sum);
          }
        }
      }),
      { seed: 64, numRuns: 80 },
    );
  });

  it('keeps small sums beside large ones, as float32 would not', () => {
    const left = Float32Array.of(2 ** 12, 2 ** -12, -(2 ** 12));
    const right = Float32Array.of(2 ** 12, 2 ** -12, 2 ** 12);
    const into = new Float64Array(1);
    multiplyRows({ left, right, rows: 1, columns: 1, depth: 3, into });
    assert.equal(into[0], 2 ** -24);
  });
});
