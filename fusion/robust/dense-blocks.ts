// Dense changes, walked in blocks of columns: every pass over whole vectors goes through here, once, in ascending order.
import { BLOCK_COLUMNS, type ColumnArena, ROW_STRIDE, wholeWidth } from './kernels/column-arena.ts';
import type { Change } from './update.ts';

export interface DenseBlock {
  /** First column of the model. */
  readonly start: number;
  /** Columns that are used; the rest up to `width` is zero. */
  readonly columns: number;
  /** `columns` in whole groups, for the kernels. */
  readonly width: number;
}

/** Loads block after block of the changes into the rows of the arena and visits it. Nothing is checked. */
export function forEachDenseBlock(
  changes: readonly Change[],
  arena: ColumnArena,
  visit: (block: DenseBlock) => void,
): void {
  const size = changes[0].values.length;
  for (let start = 0; start < size; start += BLOCK_COLUMNS) {
    const columns = Math.min(BLOCK_COLUMNS, size - start);
    const width = wholeWidth(columns);
    for (let row = 0; row < changes.length; row++) {
      const at = row * ROW_STRIDE;
      arena.rows.set(changes[row].values.subarray(start, start + columns), at);
      if (columns < width) arena.rows.fill(0, at + columns, at + width);
    }
    visit({ start, columns, width });
  }
}
