// Linear assignment twice over, slow and obvious: all permutations, and the Hungarian method as it is taught. For tests only.

/** The best sum by trying every way; rows ≤ columns ≤ 8 or so. */
export function bestByTrying(scores: readonly number[][], goal: 'least' | 'greatest'): number {
  const better = goal === 'least' ? Math.min : Math.max;
  const best = (row: number, taken: ReadonlySet<number>): number => {
    if (row === scores.length) return 0;
    return scores[row]
      .map((score, column) =>
        taken.has(column) ? undefined : score + best(row + 1, new Set([...taken, column])),
      )
      .filter((sum) => sum !== undefined)
      .reduce((a, b) => better(a, b));
  };
  return best(0, new Set());
}

/**
 * The least sum by Kuhn's Hungarian method (1955): prices, tight edges, a tree from a free row that grows by the least slack.
 * Rows ≤ columns. Θ(n⁴), no cleverness.
 */
export function leastByHungarian(costs: readonly number[][]): number {
  const columns = costs[0].length;
  const rowPrice = costs.map((row) => Math.min(...row));
  const columnPrice = new Array<number>(columns).fill(0);
  const rowOf = new Map<number, number>();
  for (const start of costs.keys()) {
    const tree = new Set([start]);
    const reached = new Map<number, number>();
    let end: number | undefined;
    while (end === undefined) {
      const slacks = [...tree].flatMap((row) =>
        costs[row].map((cost, column) => ({
          row,
          column,
          slack: cost - rowPrice[row] - columnPrice[column],
        })),
      );
      const next = slacks
        .filter(({ column }) => !reached.has(column))
        .reduce((best, one) => (one.slack < best.slack ? one : best));
      for (const row of tree) rowPrice[row] += next.slack;
      for (const column of reached.keys()) columnPrice[column] -= next.slack;
      reached.set(next.column, next.row);
      const owner = rowOf.get(next.column);
      if (owner === undefined) end = next.column;
      else tree.add(owner);
    }
    for (let column: number | undefined = end; column !== undefined; ) {
      const row: number = reached.get(column) ?? start;
      const before = [...rowOf].find(([, owner]) => owner === row)?.[0];
      if (before !== undefined) rowOf.delete(before);
      rowOf.set(column, row);
      column = row === start ? undefined : before;
    }
  }
  return [...rowOf].reduce((sum, [column, row]) => sum + costs[row][column], 0);
}
