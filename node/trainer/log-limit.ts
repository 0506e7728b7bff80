// What a trainer prints goes into the node's log, a few lines at once and then a few a minute: a log is for people,
// and a process that prints in a loop must not fill a disk.

const BURST_LINES = 20;
/** One more line may pass after this. */
const LINE_EVERY_MS = 2_000;
const TEXT_CHARACTERS_MAX = 300;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is taken out.
const CONTROLS = /\u001b\[[0-9;]*[A-Za-z]|[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g;

export interface LogLimit {
  line(text: string): void;
  /** Says how many lines were left out, if any. */
  flush(): void;
}

/** `nowMs` runs from any start; `emit` gets the lines that pass, cut and without control characters. */
export function createLogLimit(options: {
  readonly nowMs: () => number;
  readonly emit: (text: string) => void;
}): LogLimit {
  const { nowMs, emit } = options;
  let allowed = BURST_LINES;
  let countedAtMs = nowMs();
  let leftOut = 0;
  const flush = (): void => {
    if (leftOut > 0) emit(`(${leftOut} more lines were left out)`);
    leftOut = 0;
  };
  return {
    line(text) {
      const elapsedMs = nowMs() - countedAtMs;
      const more = Math.floor(elapsedMs / LINE_EVERY_MS);
      countedAtMs += more * LINE_EVERY_MS;
      allowed = Math.min(BURST_LINES, allowed + more);
      if (allowed === 0) {
        leftOut += 1;
        return;
      }
      allowed -= 1;
      flush();
      emit(printable(text));
    },
    flush,
  };
}

/** One line of plain text, cut. */
export function printable(text: string): string {
  const plain = text.replace(CONTROLS, ' ').trim();
  return plain.length > TEXT_CHARACTERS_MAX ? `${plain.slice(0, TEXT_CHARACTERS_MAX)}…` : plain;
}
