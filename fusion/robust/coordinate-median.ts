// The coordinate median (Yin et al., 2018, option I), weighted.
import type { ColumnBlock } from './column-pass.ts';
import type { Rule, SupportOptions } from './rule.ts';

/**
 * At each coordinate a number with at most half of the weight of its reporters on either side; where that is an interval, its
 * middle. With equal weights the ordinary median.
 *
 * Breakdown: less than half of the weight at each coordinate (weights that are only claimed are best made `equal` in
 * front). Cost O(n log² n · d). Over the members that report a coordinate; with fewer than `supportMin` of them it stays
 * put, so a support of 3 takes it from a lone attacker and 2f + 1 from f. Too few: `supportMin` updates are needed.
 */
export function coordinateMedian({ name, supportMin }: SupportOptions): Rule {
  return {
    name,
    needs: () => supportMin,
    judge: () => ({ kind: 'coordinatewise', supportMin, sorted: true, middle: medians }),
  };
}

function medians(block: ColumnBlock, out: Float64Array): void {
  if (block.weights !== undefined) weightedMedians(block, block.weights, out);
  else equalMedians(block, out);
}

function equalMedians({ values, stride, count, columns }: ColumnBlock, out: Float64Array): void {
  const lower = ((count - 1) >> 1) * stride;
  const upper = (count >> 1) * stride;
  for (let column = 0; column < columns; column++) {
    out[column] = (values[lower + column] + values[upper + column]) / 2;
  }
}

function weightedMedians(block: ColumnBlock, weights: Float64Array, out: Float64Array): void {
  const { values, stride, count, columns } = block;
  for (let column = 0; column < columns; column++) {
    let total = 0;
    for (let rank = 0; rank < count; rank++) total += weights[rank * stride + column];
    let rank = 0;
    let reached = weights[column];
    while (2 * reached < total) reached += weights[++rank * stride + column];
    const upper = 2 * reached === total ? rank + 1 : rank;
    out[column] = (values[rank * stride + column] + values[upper * stride + column]) / 2;
  }
}
