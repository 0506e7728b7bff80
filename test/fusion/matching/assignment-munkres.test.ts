import assert from 'node:assert/strict';
import fc from 'fast-check';
import { munkres } from 'munkres';
import { assign } from '../../../fusion/matching/assignment.ts';

describe('linear assignment beside the package munkres', () => {
  it('finds the same total to 1e-9, for any shape, with ties and negative costs', () => {
    const cost = fc.oneof(fc.double({ min: -1, max: 1, noNaN: true }), fc.integer({ min: -3, max: 3 }));
    const size = fc.integer({ min: 1, max: 40 });
    const matrices = fc.tuple(size, size).chain(([rows, columns]) =>
      fc.array(fc.array(cost, { minLength: columns, maxLength: columns }), {
        minLength: rows,
        maxLength: rows,
      }),
    );
    fc.assert(
      fc.property(matrices, (matrix) => {
        const expected = munkres(matrix).reduce((sum, [row, column]) => sum + matrix[row][column], 0);
        const { total } = assign({
          ...{ scores: Float64Array.from(matrix.flat()), rows: matrix.length, columns: matrix[0].length },
          goal: 'least',
        });
        assert.ok(Math.abs(total - expected) <= 1e-9 * Math.max(1, Math.abs(expected)));
      }),
      { seed: 71, numRuns: 200 },
    );
  });
});
