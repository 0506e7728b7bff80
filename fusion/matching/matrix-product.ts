// A·Bᵀ of float32 rows, added to float64 sums: the heavy part of every matching. A caller with faster arithmetic, such as
// kernels of its own, hands in another function of this type; nothing here knows where that one runs.

export interface RowProducts {
  /** [rows, depth], row after row; more may follow, and is not read. */
  readonly left: Float32Array;
  /** [columns, depth], likewise. */
  readonly right: Float32Array;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** [rows, columns]; added to. */
  readonly into: Float64Array;
}

/**
 * into[i, j] += Σₖ left[i, k] · right[j, k]. Sums may be made in float32, as long as they hold about six digits: what a
 * matching accepts in the end is decided by a sum of its own in float64.
 */
export type MatrixProduct = (product: RowProducts) => void;

/** Steps of the sums that stay in the first cache: four rows of the right factor take 8 KiB. */
const DEPTH_BLOCK = 512;

/** Steps `from` … `to` of the sums of some rows by some columns. */
interface Tile {
  readonly i: number;
  readonly j: number;
  readonly columnsEnd: number;
  readonly from: number;
  readonly to: number;
}

/** The plain one: sums in float64, four rows by four, which keeps a scalar processor's multiplier busy. */
export const multiplyRows: MatrixProduct = (product) => {
  const { rows, columns, depth } = product;
  const wholeRows = rows - (rows % 4);
  const wholeColumns = columns - (columns % 4);
  for (let from = 0; from < depth; from += DEPTH_BLOCK) {
    const to = Math.min(depth, from + DEPTH_BLOCK);
    for (let j = 0; j < wholeColumns; j += 4) {
      const columnsEnd = j + 4;
      for (let i = 0; i < wholeRows; i += 4) addFourRows(product, { i, j, columnsEnd, from, to });
      for (let i = wholeRows; i < rows; i++) addOneRow(product, { i, j, columnsEnd, from, to });
    }
    if (wholeColumns === columns) continue;
    for (let i = 0; i < rows; i++) addOneRow(product, { i, j: wholeColumns, columnsEnd: columns, from, to });
  }
};

/** Four rows by four columns, sixteen sums at once. */
function addFourRows({ left, right, depth, columns, into }: RowProducts, { i, j, from, to }: Tile): void {
  const [leftAt, rightAt] = [i * depth, j * depth];
  let [s00, s01, s02, s03] = [0, 0, 0, 0];
  let [s10, s11, s12, s13] = [0, 0, 0, 0];
  let [s20, s21, s22, s23] = [0, 0, 0, 0];
  let [s30, s31, s32, s33] = [0, 0, 0, 0];
  for (let k = from; k < to; k++) {
    const x0 = left[leftAt + k];
    const x1 = left[leftAt + depth + k];
    const x2 = left[leftAt + 2 * depth + k];
    const x3 = left[leftAt + 3 * depth + k];
    const y0 = right[rightAt + k];
    const y1 = right[rightAt + depth + k];
    const y2 = right[rightAt + 2 * depth + k];
    const y3 = right[rightAt + 3 * depth + k];
    s00 += x0 * y0;
    s01 += x0 * y1;
    s02 += x0 * y2;
    s03 += x0 * y3;
    s10 += x1 * y0;
    s11 += x1 * y1;
    s12 += x1 * y2;
    s13 += x1 * y3;
    s20 += x2 * y0;
    s21 += x2 * y1;
    s22 += x2 * y2;
    s23 += x2 * y3;
    s30 += x3 * y0;
    s31 += x3 * y1;
    s32 += x3 * y2;
    s33 += x3 * y3;
  }
  let at = i * columns + j;
  into[at] += s00;
  into[at + 1] += s01;
  into[at + 2] += s02;
  into[at + 3] += s03;
  at += columns;
  into[at] += s10;
  into[at + 1] += s11;
  into[at + 2] += s12;
  into[at + 3] += s13;
  at += columns;
  into[at] += s20;
  into[at + 1] += s21;
  into[at + 2] += s22;
  into[at + 3] += s23;
  at += columns;
  into[at] += s30;
  into[at + 1] += s31;
  into[at + 2] += s32;
  into[at + 3] += s33;
}

/** One row by the few columns of the tile. */
function addOneRow({ left, right, depth, columns, into }: RowProducts, tile: Tile): void {
  const leftAt = tile.i * depth;
  for (let j = tile.j; j < tile.columnsEnd; j++) {
    const rightAt = j * depth;
    let sum = 0;
    for (let k = tile.from; k < tile.to; k++) sum += left[leftAt + k] * right[rightAt + k];
    into[tile.i * columns + j] += sum;
  }
}
