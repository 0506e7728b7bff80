// What is new in a list that mostly stays the same.

/** Where two lists differ: what is between `first` and `lastBefore` in one is between `first` and `lastAfter` in the other. */
export function changeBetween<T>(
  before: readonly T[],
  after: readonly T[],
): { readonly first: number; readonly lastBefore: number; readonly lastAfter: number } {
  let first = 0;
  while (first < before.length && first < after.length && before[first] === after[first]) first += 1;
  let [lastBefore, lastAfter] = [before.length, after.length];
  while (lastBefore > first && lastAfter > first && before[lastBefore - 1] === after[lastAfter - 1]) {
    lastBefore -= 1;
    lastAfter -= 1;
  }
  return { first, lastBefore, lastAfter };
}
