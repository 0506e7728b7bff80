// The search behind linear assignment: bids, then shortest augmenting paths (Jonker and Volgenant, 1987; Crouse, 2016). It
// minimises a matrix with no more rows than columns that somebody else has checked, and knows neither maximising nor what is
// assigned.
//
// Throughout, prices v of the columns stand so that an assigned row i pays c[i, j] − v[j] = min over all j. A column that is
// still free has never been cheapened, so where columns are left over, theirs stay 0, which makes the end optimal. The column
// reduction that Jonker and Volgenant begin with is left out: bids from zero prices leave a third as many rows to the search
// on gains of trained layers.

export interface Market {
  /** [rows, columns], finite; rows ≤ columns. */
  readonly costs: Float64Array;
  readonly rows: number;
  readonly columns: number;
  /** v, by column. On entry all 0, or anything where there are as many rows as columns. Overwritten. */
  readonly prices: Float64Array;
  /** By row; overwritten, as is its inverse, −1 where none. */
  readonly columnOfRow: Int32Array;
  readonly rowOfColumn: Int32Array;
}

/** Rounds of bids before the search: the paper's two. */
const BID_ROUNDS = 2;
/**
 * Bids a free row and round. On gains of trained layers 32 to 128 are alike, and fewer leave more to the search. The limit also
 * ends rows that outbid one another by less than rounding.
 */
const BIDS_MAX = 64;

/** Gives each row a column of its own so that the sum of costs is least. Θ(rows² · columns) at worst. */
export function solveMarket(market: Market): void {
  const { rows, columns, columnOfRow, rowOfColumn } = market;
  columnOfRow.fill(-1);
  rowOfColumn.fill(-1);
  let free: Int32Array = Int32Array.from({ length: rows }, (_, row) => row);
  if (columns > 1) {
    const shortlists = shortlistsFor(market);
    for (let round = 0; round < BID_ROUNDS && free.length > 0; round++) free = bid(market, shortlists, free);
  }
  const search: Search = {
    order: new Int32Array(columns),
    distances: new Float64Array(columns),
    openPrices: new Float64Array(columns),
    previousRow: new Int32Array(columns),
  };
  for (const row of free) augment(market, search, row);
}

/**
 * Augmenting row reduction: a free row takes its cheapest column and cheapens it by the distance to the second cheapest; who
 * had it before bids next, or in the next round where the two are equal. Returns the rows that are still free.
 */
function bid(market: Market, shortlists: Shortlists, free: Int32Array): Int32Array {
  const { prices, columnOfRow, rowOfColumn } = market;
  const outbid: number[] = [];
  const offer: Offer = { column: 0, secondColumn: 0, gap: 0 };
  let bidsLeft = free.length * BIDS_MAX;
  for (const first of free) {
    for (let row = first; row >= 0; ) {
      findOffer(market, shortlists, { row, offer });
      let { column } = offer;
      const before = prices[column];
      prices[column] -= offer.gap;
      const isCheaper = prices[column] < before;
      if (!isCheaper && rowOfColumn[column] >= 0) column = offer.secondColumn;
      const previous = rowOfColumn[column];
      columnOfRow[row] = column;
      rowOfColumn[column] = row;
      row = previous;
      if (previous < 0) continue;
      columnOfRow[previous] = -1;
      if (isCheaper && --bidsLeft > 0) continue;
      outbid.push(previous);
      row = -1;
    }
  }
  return Int32Array.from(outbid);
}

/** The cheapest columns of each row when they were last looked up. Prices only fall, so no other column has become cheaper. */
interface Shortlists {
  /** Columns a row. */
  readonly length: number;
  /** [rows, length]. */
  readonly columns: Int32Array;
  /** By row, what every column that is not on the list costs at least; −Infinity before the first look. */
  readonly bounds: Float64Array;
  /** Costs of one list while it is made, ascending. */
  readonly costs: Float64Array;
}

/** Short, for making one takes longer the longer it is: with 8 an assignment of trained layers takes half as long as with none. */
const SHORTLIST = 8;

function shortlistsFor({ rows, columns }: Market): Shortlists {
  const length = Math.min(SHORTLIST, columns);
  return {
    length,
    columns: new Int32Array(rows * length),
    bounds: new Float64Array(rows).fill(Number.NEGATIVE_INFINITY),
    costs: new Float64Array(length),
  };
}

interface Offer {
  column: number;
  secondColumn: number;
  /** By how much the second is dearer; 0 or more. */
  gap: number;
}

interface Bidder {
  readonly row: number;
  readonly offer: Offer;
}

/** The two cheapest columns of a row, from its list where that is certain. */
function findOffer(market: Market, shortlists: Shortlists, { row, offer }: Bidder): void {
  const { costs, prices, columns } = market;
  const { length, columns: listed, bounds } = shortlists;
  let [column, secondColumn] = [-1, -1];
  let [cheapest, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  if (bounds[row] === Number.NEGATIVE_INFINITY) makeShortlist(market, shortlists, row);
  for (let isNew = false; ; isNew = true) {
    for (let k = row * length; k < (row + 1) * length; k++) {
      const j = listed[k];
      const cost = costs[row * columns + j] - prices[j];
      if (cost >= second) continue;
      if (cost < cheapest) {
        second = cheapest;
        secondColumn = column;
        cheapest = cost;
        column = j;
      } else {
        second = cost;
        secondColumn = j;
      }
    }
    if (isNew || second <= bounds[row]) break;
    makeShortlist(market, shortlists, row);
    [column, secondColumn] = [-1, -1];
    [cheapest, second] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  }
  offer.column = column;
  offer.secondColumn = secondColumn;
  offer.gap = second - cheapest;
}

/** By insertion into a short ascending list. */
function makeShortlist({ costs, columns, prices }: Market, shortlists: Shortlists, row: number): void {
  const { length, columns: listed, bounds, costs: least } = shortlists;
  const [rowAt, listAt] = [row * columns, row * length];
  least.fill(Number.POSITIVE_INFINITY);
  let worst = Number.POSITIVE_INFINITY;
  for (let j = 0; j < columns; j++) {
    const cost = costs[rowAt + j] - prices[j];
    if (cost >= worst) continue;
    let k = length - 1;
    for (; k > 0 && least[k - 1] > cost; k--) {
      least[k] = least[k - 1];
      listed[listAt + k] = listed[listAt + k - 1];
    }
    least[k] = cost;
    listed[listAt + k] = j;
    worst = least[length - 1];
  }
  bounds[row] = length === columns ? Number.POSITIVE_INFINITY : worst;
}

/** Scratch of one search. Of the columns, in `order`, those whose way is not final yet come first. */
interface Search {
  readonly order: Int32Array;
  /** By place in `order`: the shortest known way to the column; final behind the open ones. */
  readonly distances: Float64Array;
  /** By place in `order`, so that the inner loop reads one behind the other. */
  readonly openPrices: Float64Array;
  /** By column: the row from which that way comes. */
  readonly previousRow: Int32Array;
}

/** The free row gets a column, and every row along the way to it the column before. */
function augment(market: Market, search: Search, free: number): void {
  const { columnOfRow, rowOfColumn } = market;
  let column = findFree(market, search, free);
  for (let row = -1; row !== free; ) {
    row = search.previousRow[column];
    rowOfColumn[column] = row;
    const given = columnOfRow[row];
    columnOfRow[row] = column;
    column = given;
  }
}

/**
 * Dijkstra's search for the free column that is nearest to a row, over lengths c − v − u that are never negative. Then moves
 * the prices so that the way there is tight.
 */
function findFree(market: Market, search: Search, start: number): number {
  const { costs, columns, prices, rowOfColumn } = market;
  const { order, distances, openPrices } = search;
  for (let column = 0; column < columns; column++) order[column] = column;
  distances.fill(Number.POSITIVE_INFINITY);
  openPrices.set(prices);
  let [row, offset] = [start, 0];
  for (let open = columns; ; ) {
    const nearest = relax(market, search, { row, open, offset });
    const column = order[nearest];
    const distance = distances[nearest];
    open--;
    order[nearest] = order[open];
    distances[nearest] = distances[open];
    openPrices[nearest] = openPrices[open];
    order[open] = column;
    distances[open] = distance;
    row = rowOfColumn[column];
    if (row < 0) {
      for (let place = open; place < columns; place++) prices[order[place]] += distances[place] - distance;
      return column;
    }
    offset = distance - (costs[row * columns + column] - prices[column]);
  }
}

interface Step {
  readonly row: number;
  /** Places of `order` whose way is not final. */
  readonly open: number;
  /** Length of the way to the row, less what the row pays. */
  readonly offset: number;
}

/** Goes on from a row to every open column; returns the place of the nearest, of equally near ones of a free one. */
function relax({ costs, columns, rowOfColumn }: Market, search: Search, { row, open, offset }: Step): number {
  const { order, distances, openPrices, previousRow } = search;
  const rowAt = row * columns;
  let [nearest, shortest] = [-1, Number.POSITIVE_INFINITY];
  for (let place = 0; place < open; place++) {
    const column = order[place];
    const way = costs[rowAt + column] - openPrices[place] + offset;
    let known = distances[place];
    if (way < known) {
      known = way;
      distances[place] = way;
      previousRow[column] = row;
    }
    if (known > shortest) continue;
    if (known === shortest && rowOfColumn[column] >= 0) continue;
    shortest = known;
    nearest = place;
  }
  return nearest;
}
