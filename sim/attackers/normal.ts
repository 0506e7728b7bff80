// Bell-shaped noise of the same bits everywhere.
import type { Random } from '../../fusion/index.ts';

const DRAWS = 12;

/** Mean 0, standard deviation 1, never beyond ±6: the sum of twelve even draws (Irwin and Hall). */
export function normal(random: Random): number {
  let sum = -DRAWS / 2;
  for (let i = 0; i < DRAWS; i++) sum += random.float();
  return sum;
}

/** Root of the mean square of the values. */
export function rootMeanSquare(values: Float32Array | Float64Array): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum / Math.max(1, values.length));
}
