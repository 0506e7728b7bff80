// Linear assignment: each row gets a column of its own so that the sum of the chosen entries is least, or greatest. The search
// is in `augmenting-paths.ts`; here matrices are checked, turned, and the answer gets its certificate.
import { FusionError } from '../errors.ts';
import { type Market, solveMarket } from './augmenting-paths.ts';

/** Beyond it sums of scores could leave float64. */
const SCORE_MAX = 1e290;

export interface AssignmentProblem {
  /** [rows, columns], row after row. */
  readonly scores: Float64Array | Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly goal: 'least' | 'greatest';
  /** Column prices of the answer to a similar square problem with the same goal: they shorten the search, and change no sum. */
  readonly startPrices?: Float64Array;
}

/**
 * The duals prove the answer: for the least sum, rowPrices[i] + columnPrices[j] ≤ scores[i, j] everywhere, with equality where
 * i has j (for the greatest, ≥), up to rounding; and prices of whoever is left over are 0.
 */
export interface Assignment {
  /** By row; −1 for rows that got none, where there are more rows than columns. */
  readonly columnOfRow: Int32Array;
  /** Sum of the chosen scores. */
  readonly total: number;
  readonly rowPrices: Float64Array;
  readonly columnPrices: Float64Array;
}

/**
 * Optimal up to float64 rounding, by shortest augmenting paths (Jonker and Volgenant, 1987; Crouse, 2016). Of several equally
 * good answers, always the same one. Θ(n³) at worst. Throws a FusionError where the matrix is empty, of another size than
 * stated or not finite.
 */
export function assign(problem: AssignmentProblem): Assignment {
  checkProblem(problem);
  const { rows, columns, goal, startPrices } = problem;
  const isTurned = rows > columns;
  const sign = goal === 'least' ? 1 : -1;
  const [few, many] = isTurned ? [columns, rows] : [rows, columns];
  const market: Market = {
    costs: costsOf(problem, sign, isTurned),
    rows: few,
    columns: many,
    prices: new Float64Array(many),
    columnOfRow: new Int32Array(few),
    rowOfColumn: new Int32Array(many),
  };
  if (startPrices !== undefined) market.prices.set(startPrices.map((price) => sign * price));
  solveMarket(market);
  return answer(problem, market, sign);
}

function answer({ scores, rows, columns }: AssignmentProblem, market: Market, sign: 1 | -1): Assignment {
  const isTurned = rows > columns;
  const fewPrices = new Float64Array(market.rows);
  for (let row = 0; row < market.rows; row++) {
    const column = market.columnOfRow[row];
    fewPrices[row] = sign * (market.costs[row * market.columns + column] - market.prices[column]);
  }
  const manyPrices = market.prices.map((price) => sign * price + 0);
  const columnOfRow = isTurned ? market.rowOfColumn : market.columnOfRow;
  let total = 0;
  for (let row = 0; row < rows; row++) {
    if (columnOfRow[row] >= 0) total += scores[row * columns + columnOfRow[row]];
  }
  return isTurned
    ? { columnOfRow, total, rowPrices: manyPrices, columnPrices: fewPrices }
    : { columnOfRow, total, rowPrices: fewPrices, columnPrices: manyPrices };
}

/** The scores with their sign, turned if need be. Throws where one is not finite. */
function costsOf(
  { scores, rows, columns }: AssignmentProblem,
  sign: 1 | -1,
  isTurned: boolean,
): Float64Array {
  const costs = new Float64Array(rows * columns);
  const [rowStep, columnStep] = isTurned ? [1, rows] : [columns, 1];
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const score = scores[at];
      if (!(Math.abs(score) <= SCORE_MAX)) {
        const message = `the score of row ${row}, column ${column} is ${score}, which cannot be added up`;
        throw new FusionError('MELDMESH_FUSION_NOT_FINITE', message);
      }
      costs[row * rowStep + column * columnStep] = sign * score;
    }
  }
  return costs;
}

function checkProblem({ scores, rows, columns, startPrices }: AssignmentProblem): void {
  if (!(rows >= 1 && columns >= 1)) {
    throw new FusionError(
      'MELDMESH_FUSION_TOO_FEW',
      `nothing to assign in a matrix of ${rows} by ${columns}`,
    );
  }
  if (scores.length !== rows * columns) {
    const message = `a matrix of ${rows} by ${columns} has ${rows * columns} scores, not ${scores.length}`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', message);
  }
  if (startPrices === undefined) return;
  if (rows !== columns || startPrices.length !== columns) {
    throw new FusionError(
      'MELDMESH_FUSION_SHAPE',
      `start prices are for square matrices, one for each column`,
    );
  }
  if (!startPrices.every(Number.isFinite)) {
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', 'a start price is not finite');
  }
}
