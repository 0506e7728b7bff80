// The order in which a coordinate ascent visits what it can move. It does not know what that is.
import type { Random } from '../types.ts';

/** 0 … count − 1, each order equally likely (Fisher and Yates, 1938). */
export function visitingOrder(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  for (let last = count - 1; last > 0; last--) {
    const chosen = random.below(last + 1);
    [order[last], order[chosen]] = [order[chosen], order[last]];
  }
  return order;
}
