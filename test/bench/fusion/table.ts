// What the parts of the fusion benchmark print: a table in Markdown on the standard output, and on the standard error the bars
// that were missed, which also decides the exit status. It knows no part.

export type Cell = string | number;

export function tableRow(...cells: readonly Cell[]): string {
  return `| ${cells.join(' | ')} |`;
}

export function printHead(...names: readonly string[]): void {
  console.log(tableRow(...names));
  console.log(tableRow(...names.map(() => '---')));
}

/** Points of accuracy, two digits. */
export function points(share: number | undefined): string {
  return share === undefined ? '–' : (100 * share).toFixed(2);
}

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** At most that, or at least. */
  readonly max?: number;
  readonly min?: number;
}

/** Says aloud where the value is on the wrong side of the bar. */
export function holdAgainst({ name, value, max, min }: Bar): void {
  const isMissed = (max !== undefined && !(value <= max)) || (min !== undefined && !(value >= min));
  if (!isMissed) return;
  console.error(`missed: ${name} is ${value.toPrecision(3)}, the bar is ${max ?? min}`);
  process.exitCode = 1;
}
