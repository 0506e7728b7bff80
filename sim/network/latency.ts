// How far apart two peers are: drawn once for each pair, from the shape that a scenario asks for.
import type { Random } from '../../fusion/index.ts';
import type { LatencyShape } from './options.ts';

/** Standard deviations from the mean to the last twentieth of a normal distribution. */
const TWENTIETH = 1.645;
/** Nothing is nearer than this where a shape needs a ratio. */
const NEAREST_MS = 1;

/** Milliseconds one way. `low` and `high` bound the uniform shape, and leave a twentieth on either side of the others. */
export function drawLatencyMs(
  random: Random,
  shape: LatencyShape,
  [low, high]: readonly [number, number],
): number {
  if (shape === 'uniform') return low + random.float() * (high - low);
  const near = Math.max(NEAREST_MS, low);
  const ratio = Math.max(1, high / near);
  if (shape === 'lognormal') {
    const median = near * Math.sqrt(ratio);
    return median * Math.exp((Math.log(ratio) / (2 * TWENTIETH)) * normal(random));
  }
  // Pareto: a share u of the pairs is above near · (0.95 / u)^(1/α), and `high` is passed by a twentieth.
  const exponent = Math.log(ratio) / Math.log(0.95 / 0.05);
  return near * (0.95 / (1 - random.float())) ** exponent;
}

/** Standard normal (Box and Muller). */
function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log(1 - random.float()));
  return radius * Math.cos(2 * Math.PI * random.float());
}
