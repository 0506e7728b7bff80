// Small draws that worlds are made of.
import type { Random } from '../../fusion/index.ts';

type Range = readonly [number, number];

/** Rounded to three digits after the point: a scenario is also read by people. */
export function between(random: Random, [low, high]: Range): number {
  return Math.round(1_000 * (low + random.float() * (high - low))) / 1_000;
}

/** Both ends included. */
export function wholeBetween(random: Random, [low, high]: Range): number {
  return low + random.below(high - low + 1);
}

/** Twice in the list is twice as likely. */
export function oneOf<T>(random: Random, values: readonly T[]): T {
  return values[random.below(values.length)];
}
