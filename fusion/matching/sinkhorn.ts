// Entropic optimal transport (Cuturi, 2013), in logarithms where numbers would leave float64 (Schmitzer, 2019). With as many rows as
// columns and mass 1 each it relaxes an assignment: the plan is doubly stochastic. It knows scores, not units.
import { FusionError } from '../errors.ts';
import { exponential, logarithm } from '../exponential.ts';

export interface SinkhornOptions {
  /** [rows, columns], finite; mass goes where they are high. */
  readonly scores: Float64Array;
  readonly rows: number;
  readonly columns: number;
  /** How much higher a score has to be to get e times the mass. Above 0. */
  readonly temperature: number;
  /** Of each row, default 1; columns share the whole equally. */
  readonly rowMass?: number;
  /** At the temperature itself; those on the way there are few. Default 500. */
  readonly iterationsMax?: number;
}

export interface TransportPlan {
  /** [rows, columns], non-negative; columns sum to their mass, rows within `error`. */
  readonly plan: Float64Array;
  readonly iterations: number;
  /** Largest deviation of a row from its mass, relative to it. */
  readonly error: number;
}

const ITERATIONS_MAX = 500;
const ERROR_MAX = 1e-6;
/** From one temperature to the next, and how far the plans of the stages before the last are balanced. */
const COOLING = 4;
const STAGE_ERROR_MAX = 0.01;
const STAGE_ITERATIONS_MAX = 200;
/** Iterations between two in logarithms. */
const PLAIN_ITERATIONS = 20;
/** A scaling beyond this, or below its inverse, goes into the potentials. */
const SCALING_MAX = 1e60;

/** Potentials f of rows and g of columns: plan[i, j] = exp((score[i, j] + f[i] + g[j]) / temperature). */
interface Potentials {
  readonly ofRows: Float64Array;
  readonly ofColumns: Float64Array;
}

/**
 * The plan with the given sums that maximises Σ plan · score + temperature · entropy. Throws a FusionError where the scores are
 * empty, of another size or not finite, or a setting is not positive.
 */
export function sinkhorn(options: SinkhornOptions): TransportPlan {
  checkOptions(options);
  const { rows, columns, scores, temperature, iterationsMax = ITERATIONS_MAX } = options;
  const potentials = { ofRows: new Float64Array(rows), ofColumns: new Float64Array(columns) };
  // Cooled down in stages: from warm potentials a cold plan needs few iterations, from none a great many.
  const spread = scores.reduce((most, score) => Math.max(most, Math.abs(score - scores[0])), 0);
  let iterations = 0;
  for (let warm = spread; warm > COOLING * temperature; warm /= COOLING) {
    const stage = { ...options, temperature: warm };
    iterations += balance(stage, potentials, {
      errorMax: STAGE_ERROR_MAX,
      iterationsMax: STAGE_ITERATIONS_MAX,
    }).iterations;
  }
  const last = balance(options, potentials, { errorMax: ERROR_MAX, iterationsMax });
  return { ...last, iterations: iterations + last.iterations };
}

interface Until {
  readonly errorMax: number;
  readonly iterationsMax: number;
}

/** Iterates at one temperature, from the given potentials and into them. */
function balance(
  options: SinkhornOptions,
  potentials: Potentials,
  { errorMax, iterationsMax }: Until,
): TransportPlan {
  const { rows, columns, rowMass = 1 } = options;
  const plan = new Float64Array(rows * columns);
  for (let iterations = 0; ; ) {
    balanceRows(options, potentials);
    balanceColumns(options, potentials);
    fillPlan(options, potentials, plan);
    iterations += 1 + scalePlan(options, plan, potentials);
    const error = errorOf(plan, { rows, columns, rowMass });
    if (error <= errorMax || iterations >= iterationsMax) return { plan, iterations, error };
  }
}

function checkOptions({ scores, rows, columns, temperature, rowMass = 1 }: SinkhornOptions): void {
  if (!(rows >= 1 && columns >= 1)) {
    throw new FusionError(
      'MELDMESH_FUSION_TOO_FEW',
      `nothing to transport from ${rows} rows to ${columns} columns`,
    );
  }
  if (scores.length !== rows * columns) {
    const message = `a matrix of ${rows} by ${columns} has ${rows * columns} scores, not ${scores.length}`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', message);
  }
  const isPositive = (value: number) => value > 0 && Number.isFinite(value);
  if (!isPositive(temperature) || !isPositive(rowMass)) {
    const message = `temperature and mass must be positive, not ${temperature} and ${rowMass}`;
    throw new FusionError('MELDMESH_FUSION_SPEC', message);
  }
  for (let at = 0; at < scores.length; at++) {
    // Twice as far apart still has to be a number.
    if (Math.abs(scores[at] / temperature) <= 1e290) continue;
    throw new FusionError('MELDMESH_FUSION_NOT_FINITE', `score ${at} of the transport is ${scores[at]}`);
  }
}

/** f = temperature · (ln mass − ln Σ exp((score + g) / temperature)), by row. */
function balanceRows(options: SinkhornOptions, { ofRows, ofColumns }: Potentials): void {
  const { scores, rows, columns, temperature, rowMass = 1 } = options;
  for (let i = 0; i < rows; i++) {
    let most = Number.NEGATIVE_INFINITY;
    for (let j = 0; j < columns; j++) most = Math.max(most, scores[i * columns + j] + ofColumns[j]);
    let sum = 0;
    for (let j = 0; j < columns; j++) {
      sum += exponential((scores[i * columns + j] + ofColumns[j] - most) / temperature);
    }
    ofRows[i] = temperature * (logarithm(rowMass) - logarithm(sum)) - most;
  }
}

function balanceColumns(options: SinkhornOptions, { ofRows, ofColumns }: Potentials): void {
  const { scores, rows, columns, temperature, rowMass = 1 } = options;
  const mass = (rows * rowMass) / columns;
  const most = new Float64Array(columns).fill(Number.NEGATIVE_INFINITY);
  const sums = new Float64Array(columns);
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) most[j] = Math.max(most[j], scores[at] + ofRows[i]);
  }
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      sums[j] += exponential((scores[at] + ofRows[i] - most[j]) / temperature);
    }
  }
  for (let j = 0; j < columns; j++) {
    ofColumns[j] = temperature * (logarithm(mass) - logarithm(sums[j])) - most[j];
  }
}

function fillPlan(options: SinkhornOptions, { ofRows, ofColumns }: Potentials, plan: Float64Array): void {
  const { scores, rows, columns, temperature } = options;
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) {
      plan[at] = exponential((scores[at] + ofRows[i] + ofColumns[j]) / temperature);
    }
  }
}

/**
 * A few iterations on the plan itself, which take no exponentials, as long as their scalings stay in range. They end up in the
 * plan and in the potentials. Returns how many were done.
 */
function scalePlan(options: SinkhornOptions, plan: Float64Array, { ofRows, ofColumns }: Potentials): number {
  const { rows, columns, temperature, rowMass = 1 } = options;
  const columnMass = (rows * rowMass) / columns;
  const left = new Float64Array(rows).fill(1);
  const right = new Float64Array(columns).fill(1);
  const isInRange = (scale: number) => scale < SCALING_MAX && scale > 1 / SCALING_MAX;
  let done = 0;
  while (done < PLAIN_ITERATIONS) {
    const nextLeft = left.map((_, i) => rowMass / dotRow(plan, i, right));
    const nextRight = sumColumns(plan, nextLeft, columns).map((sum) => columnMass / sum);
    if (!nextLeft.every(isInRange) || !nextRight.every(isInRange)) break;
    left.set(nextLeft);
    right.set(nextRight);
    done++;
  }
  for (let i = 0, at = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++, at++) plan[at] *= left[i] * right[j];
  }
  for (let i = 0; i < rows; i++) ofRows[i] += temperature * logarithm(left[i]);
  for (let j = 0; j < columns; j++) ofColumns[j] += temperature * logarithm(right[j]);
  return done;
}

function dotRow(plan: Float64Array, i: number, right: Float64Array): number {
  const at = i * right.length;
  let sum = 0;
  for (let j = 0; j < right.length; j++) sum += plan[at + j] * right[j];
  return sum;
}

function sumColumns(plan: Float64Array, left: Float64Array, columns: number): Float64Array {
  const sums = new Float64Array(columns);
  for (let i = 0, at = 0; i < left.length; i++) {
    for (let j = 0; j < columns; j++, at++) sums[j] += plan[at] * left[i];
  }
  return sums;
}

function errorOf(
  plan: Float64Array,
  { rows, columns, rowMass }: { readonly rows: number; readonly columns: number; readonly rowMass: number },
): number {
  const ones = new Float64Array(columns).fill(1);
  let worst = 0;
  for (let i = 0; i < rows; i++) worst = Math.max(worst, Math.abs(dotRow(plan, i, ones) / rowMass - 1));
  return worst;
}
