// Where lines go. With --json standard output belongs to the result and everything else goes to standard error.

/** The live lines of `mesh` need about so many. */
const COLUMNS_MIN = 60;

export interface Terminal {
  /** One line (or several) for people. */
  say(text: string): void;
  /** One line for programs, on standard output. */
  result(text: string): void;
  /** Whether the lines for people reach somebody who watches. */
  readonly live: boolean;
  readonly stream: NodeJS.WriteStream;
}

/** The terminal of this process. */
export function openTerminal(options: { readonly json: boolean }): Terminal {
  const stream = options.json ? process.stderr : process.stdout;
  // Whoever read our lines may have gone (`| head`); the work goes on without an audience.
  for (const each of [process.stdout, process.stderr]) each.on('error', () => undefined);
  return {
    say: (text) => stream.write(`${text}\n`),
    result: (text) => process.stdout.write(`${text}\n`),
    // A terminal without a size (a log collector's, for one) cannot redraw lines.
    live: stream.isTTY === true && stream.columns >= COLUMNS_MIN && process.env.TERM !== 'dumb',
    stream,
  };
}
