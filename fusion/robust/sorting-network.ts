// Which pairs of rows to compare, and in what order, so that any column ends up ascending: odd-even merging (Batcher, 1968).
// The pairs do not depend on the values, so that many columns can be sorted at once and every machine does the same.

const networks = new Map<number, Int32Array>();
/** More sizes than these are made anew each time: groups of columns come in as many sizes as there are updates. */
const NETWORKS_MAX = 64;

/** Pairs (upper, lower) one after the other: the smaller value goes to the upper row. O(n log² n) pairs for n rows. */
export function sortingNetwork(rowCount: number): Int32Array {
  const known = networks.get(rowCount);
  if (known !== undefined) return known;
  const network = Int32Array.from(oddEvenMerge(rowCount));
  if (networks.size < NETWORKS_MAX) networks.set(rowCount, network);
  return network;
}

/** Sorted runs of `run` are merged to runs of 2 run by comparing at ever smaller distances (Knuth, 5.2.2 M). */
function oddEvenMerge(rowCount: number): number[] {
  const pairs: number[] = [];
  for (let run = 1; run < rowCount; run *= 2) {
    for (let distance = run; distance >= 1; distance /= 2) {
      for (let start = distance % run; start + distance < rowCount; start += 2 * distance) {
        const end = Math.min(start + distance, rowCount - distance);
        for (let row = start; row < end; row++) {
          const isSameRun = Math.floor(row / (2 * run)) === Math.floor((row + distance) / (2 * run));
          if (isSameRun) pairs.push(row, row + distance);
        }
      }
    }
  }
  return pairs;
}
