import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FusionError } from '../../../fusion/errors.ts';
import { type Assignment, type AssignmentProblem, assign } from '../../../fusion/matching/assignment.ts';
import { createRandom } from '../../../fusion/random.ts';
import { bestByTrying, leastByHungarian } from './slow-assignment.ts';

type Matrix = readonly number[][];

const problemOf = (matrix: Matrix, goal: AssignmentProblem['goal']): AssignmentProblem => ({
  scores: Float64Array.from(matrix.flat()),
  rows: matrix.length,
  columns: matrix[0].length,
  goal,
});

/** Smooth costs, whole numbers full of ties, and costs of very different size. */
const costs = fc.oneof(
  fc.double({ min: -1, max: 1, noNaN: true }),
  fc.integer({ min: -2, max: 2 }),
  fc.constantFrom(-1e6, 0, 1e-6, 1e6),
);

const matrices = (rowsMax: number, columnsMax: number): fc.Arbitrary<Matrix> =>
  fc
    .tuple(fc.integer({ min: 1, max: rowsMax }), fc.integer({ min: 1, max: columnsMax }))
    .chain(([rows, columns]) =>
      fc.array(fc.array(costs, { minLength: columns, maxLength: columns }), {
        minLength: rows,
        maxLength: rows,
      }),
    );

const transposed = (matrix: Matrix): Matrix => matrix[0].map((_, column) => matrix.map((row) => row[column]));
const near = (a: number, b: number): boolean => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));

/** Everything an answer promises apart from its total being best. */
function checkAnswer(matrix: Matrix, goal: AssignmentProblem['goal'], answer: Assignment): void {
  const [rows, columns] = [matrix.length, matrix[0].length];
  const given = [...answer.columnOfRow].filter((column) => column >= 0);
  assert.equal(given.length, Math.min(rows, columns), 'as many pairs as the shorter side has');
  assert.equal(new Set(given).size, given.length, 'no column twice');
  const total = [...answer.columnOfRow].reduce(
    (sum, column, row) => sum + (column < 0 ? 0 : matrix[row][column]),
    0,
  );
  assert.equal(answer.total, total);
  const prices = [...answer.rowPrices, ...answer.columnPrices].reduce((sum, price) => sum + price, 0);
  assert.ok(near(prices, total) || Math.abs(prices - total) < 1e-6, `prices ${prices} for ${total}`);
  const sign = goal === 'least' ? 1 : -1;
  for (const [row, values] of matrix.entries()) {
    for (const [column, value] of values.entries()) {
      const slack = sign * (value - answer.rowPrices[row] - answer.columnPrices[column]);
      assert.ok(slack >= -1e-6, `slack ${slack} at ${row}, ${column}`);
    }
  }
}

function randomMatrix(rows: number, columns: number, seed: string): Matrix {
  const random = createRandom(seed);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.float() - 0.5));
}

const codeOf = (problem: AssignmentProblem): unknown => {
  try {
    assign(problem);
  } catch (error) {
    return error instanceof FusionError ? error.code : error;
  }
  return undefined;
};

describe('linear assignment', () => {
  it('finds the best of all ways, for any shape, sign and tie', () => {
    fc.assert(
      fc.property(matrices(6, 6), fc.constantFrom('least', 'greatest'), (matrix, goal) => {
        const answer = assign(problemOf(matrix, goal));
        checkAnswer(matrix, goal, answer);
        const wide = matrix.length <= matrix[0].length ? matrix : transposed(matrix);
        assert.ok(near(answer.total, bestByTrying(wide, goal)));
      }),
      { seed: 61, numRuns: 400 },
    );
  });

  it('agrees with the Hungarian method on matrices that nobody can try out', () => {
    fc.assert(
      fc.property(matrices(24, 32), (matrix) => {
        const wide = matrix.length <= matrix[0].length ? matrix : transposed(matrix);
        const answer = assign(problemOf(matrix, 'least'));
        checkAnswer(matrix, 'least', answer);
        assert.ok(near(answer.total, leastByHungarian(wide)));
      }),
      { seed: 62, numRuns: 60 },
    );
  });

  it('finds the same total from any start prices', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer(), (size, seed) => {
        const matrix = randomMatrix(size, size, `costs ${seed}`);
        const startPrices = Float64Array.from(
          randomMatrix(1, size, `prices ${seed}`)[0],
          (price) => 9 * price,
        );
        const cold = assign(problemOf(matrix, 'greatest'));
        const warm = assign({ ...problemOf(matrix, 'greatest'), startPrices });
        checkAnswer(matrix, 'greatest', warm);
        assert.ok(near(cold.total, warm.total));
      }),
      { seed: 63, numRuns: 60 },
    );
  });

  it('proves by its prices that an answer of 200 rows cannot be beaten, many dead rows and columns included', () => {
    const matrix = randomMatrix(200, 200, 'dead').map((row, i) =>
      row.map((value, j) => (i % 3 === 0 || j % 4 === 0 ? 0 : value)),
    );
    checkAnswer(matrix, 'greatest', assign(problemOf(matrix, 'greatest')));
  });

  it('takes any whole assignment of a constant matrix', () => {
    const answer = assign(
      problemOf(
        [...new Array(5)].map(() => new Array<number>(5).fill(7)),
        'least',
      ),
    );
    assert.equal(answer.total, 35);
  });

  it('leaves the worst rows out where columns run short', () => {
    const answer = assign(problemOf([[1], [5], [3]], 'greatest'));
    assert.deepEqual([...answer.columnOfRow], [-1, 0, -1]);
  });

  it('refuses what is empty, of another size or not finite', () => {
    const problem = problemOf([[1, 2]], 'least');
    assert.equal(codeOf({ ...problem, rows: 0 }), 'MELDMESH_FUSION_TOO_FEW');
    assert.equal(codeOf({ ...problem, columns: 3 }), 'MELDMESH_FUSION_SHAPE');
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308]) {
      assert.equal(codeOf(problemOf([[1, bad]], 'least')), 'MELDMESH_FUSION_NOT_FINITE');
    }
    assert.equal(codeOf({ ...problem, startPrices: new Float64Array(2) }), 'MELDMESH_FUSION_SHAPE');
    const square = { ...problemOf([[1]], 'least'), startPrices: Float64Array.of(Number.NaN) };
    assert.equal(codeOf(square), 'MELDMESH_FUSION_NOT_FINITE');
  });
});
