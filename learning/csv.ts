// Comma-separated samples, one a line, with a label column. A first line that is not all numbers is a header.
import { type DataExpectation, type Dataset, makeDataset } from './dataset.ts';
import { DataError } from './errors.ts';

export interface CsvOptions {
  readonly fileName: string;
  /** Name from the header, or number counted from 1. Default: `label` where there is one, else the first. */
  readonly labelColumn?: string | number;
  readonly expected?: DataExpectation;
}

const QUOTE = '"';
/** A decimal number; `Number` alone would also take '', '0x10' and 'Infinity'. */
const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/**
 * Text to a dataset of float32 values with scale 1. Throws a DataError with file, line and column for rows of
 * unequal length, cells that are no finite number and labels that are no class.
 */
export function parseCsv(text: string, options: CsvOptions): Dataset {
  const { fileName: file } = options;
  const lines = linesOf(text);
  const first = lines.next();
  if (first.done) throw new DataError('MELDMESH_DATA_SHAPE', 'there is no sample in it', { file });
  const firstCells = cellsOf(first.value.text);
  const header = firstCells.some((cell) => !isNumeric(cell)) ? firstCells : undefined;
  const columns = firstCells.length;
  if (columns < 2) {
    const text = 'a row needs a label and at least one value, separated by commas';
    throw new DataError('MELDMESH_DATA_SHAPE', text, { file, row: first.value.row });
  }
  const labelIndex = findLabelColumn(firstCells, header !== undefined, options);
  const columnName = (index: number) => header?.[index] ?? index + 1;
  const labels: number[] = [];
  const rows: number[] = [];
  const inputs = new GrowingFloats();
  const readRow = (row: number, cells: readonly string[]) => {
    if (cells.length !== columns) {
      const text = `there are ${cells.length} cells, the first row has ${columns}`;
      throw new DataError('MELDMESH_DATA_SHAPE', text, { file, row });
    }
    for (let index = 0; index < columns; index++) {
      const value = numberOf(cells[index], { file, row, column: columnName(index) });
      if (index === labelIndex) labels.push(value);
      else inputs.push(value);
    }
    rows.push(row);
  };
  if (header === undefined) readRow(first.value.row, firstCells);
  for (const line of lines) readRow(line.row, cellsOf(line.text));
  checkLabels(labels, rows, { file, column: columnName(labelIndex), classes: options.expected?.classes });
  return makeDataset(
    { name: file, inputs: inputs.take(), labels, inputSize: columns - 1, scale: 1 },
    options.expected ?? {},
    { labelsFile: file, firstRow: rows[0] ?? 1, labelColumn: columnName(labelIndex) },
  );
}

/** Blank lines are skipped but counted, so makeDataset's own rows would be off: the first bad label is found here. */
function checkLabels(
  labels: readonly number[],
  rows: readonly number[],
  place: { readonly file: string; readonly column: string | number; readonly classes: number | undefined },
): void {
  const limit = place.classes ?? Number.POSITIVE_INFINITY;
  const bad = labels.findIndex((label) => !Number.isInteger(label) || label < 0 || label >= limit);
  if (bad < 0) return;
  const range = place.classes === undefined ? 'from 0 up' : `from 0 to ${place.classes - 1}`;
  const text = `label ${labels[bad]} is not a whole number ${range}`;
  throw new DataError('MELDMESH_DATA_LABEL', text, {
    file: place.file,
    row: rows[bad],
    column: place.column,
  });
}

function* linesOf(text: string): Generator<{ row: number; text: string }, undefined> {
  let row = 0;
  let start = text.startsWith('\uFEFF') ? 1 : 0;
  while (start < text.length) {
    const newline = text.indexOf('\n', start);
    const end = newline < 0 ? text.length : newline;
    const line = text.slice(start, text[end - 1] === '\r' && end > start ? end - 1 : end);
    row++;
    start = end + 1;
    if (line.trim() !== '') yield { row, text: line };
  }
}

function cellsOf(line: string): string[] {
  if (!line.includes(QUOTE)) return line.split(',').map((cell) => cell.trim());
  const cells: string[] = [];
  let cell = '';
  let quoted = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (character === QUOTE && quoted && line[i + 1] === QUOTE) {
      cell += QUOTE;
      i++;
    } else if (character === QUOTE) {
      quoted = !quoted;
    } else if (character === ',' && !quoted) {
      cells.push(cell.trim());
      cell = '';
    } else {
      cell += character;
    }
  }
  cells.push(cell.trim());
  return cells;
}

/** Words that other programs write for numbers that are none: a row of them is data with a fault, not a header. */
const NOT_FINITE = /^([+-]?(nan|inf|infinity)|na|null|)$/i;

function isNumeric(cell: string): boolean {
  return DECIMAL.test(cell) || NOT_FINITE.test(cell);
}

function numberOf(
  cell: string,
  place: { readonly file: string; readonly row: number; readonly column: string | number },
): number {
  if (DECIMAL.test(cell)) {
    const value = Number(cell);
    if (Number.isFinite(Math.fround(value))) return value;
    throw new DataError('MELDMESH_DATA_NOT_FINITE', `${short(cell)} is too large for float32`, place);
  }
  if (NOT_FINITE.test(cell)) {
    const what = cell === '' ? 'an empty cell' : short(cell);
    throw new DataError('MELDMESH_DATA_NOT_FINITE', `${what} is no finite number`, place);
  }
  throw new DataError('MELDMESH_DATA_FORMAT', `"${short(cell)}" is no number`, place);
}

function short(cell: string): string {
  return cell.length > 24 ? `${cell.slice(0, 24)}…` : cell;
}

function findLabelColumn(firstCells: readonly string[], hasHeader: boolean, options: CsvOptions): number {
  const { labelColumn: wanted, fileName: file } = options;
  if (wanted === undefined) return hasHeader ? Math.max(0, firstCells.indexOf('label')) : 0;
  const named = hasHeader ? firstCells.indexOf(String(wanted)) : -1;
  if (named >= 0) return named;
  const number = Number(wanted);
  if (Number.isInteger(number) && number >= 1 && number <= firstCells.length) return number - 1;
  const known = hasHeader ? `; the header has ${firstCells.slice(0, 8).map(short).join(', ')}` : '';
  const text = `there is no label column ${wanted} among ${firstCells.length}${known}`;
  throw new DataError('MELDMESH_DATA_SHAPE', text, { file, row: 1 });
}

/** Doubles when full, so memory stays within three times the values read, whatever the first row promises. */
class GrowingFloats {
  #values = new Float32Array(4096);
  #length = 0;

  push(value: number): void {
    if (this.#length === this.#values.length) {
      const larger = new Float32Array(this.#length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.#length++] = value;
  }

  take(): Float32Array {
    return this.#values.slice(0, this.#length);
  }
}
