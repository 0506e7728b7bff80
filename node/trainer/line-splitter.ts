// Cuts what a process prints into lines. A line ends with a line feed or a carriage return, for progress bars write
// only the latter; JSON holds neither.

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

export interface LineSplitterOptions {
  /** What a longer line has beyond this is dropped. */
  readonly bytesMax: number;
  /** Gets each line that is not empty, as UTF-8 in which bad bytes became U+FFFD. */
  readonly onLine: (line: string) => void;
  /** A line has grown over `bytesMax`; said once for that line. */
  readonly onOverflow?: () => void;
}

export interface LineSplitter {
  push(chunk: Uint8Array): void;
  /** The stream is over: what has no end yet is a line too. */
  end(): void;
}

/** Holds at most `bytesMax` bytes, whatever comes. */
export function createLineSplitter(options: LineSplitterOptions): LineSplitter {
  const { bytesMax, onLine, onOverflow } = options;
  let parts: Uint8Array[] = [];
  let bytes = 0;
  let overflown = false;
  const take = (piece: Uint8Array): void => {
    const kept = piece.subarray(0, bytesMax - bytes);
    if (kept.length > 0) parts.push(kept.slice());
    bytes += kept.length;
    if (kept.length === piece.length || overflown) return;
    overflown = true;
    onOverflow?.();
  };
  const finish = (): void => {
    const line = Buffer.concat(parts, bytes).toString('utf8');
    parts = [];
    bytes = 0;
    overflown = false;
    if (line.trim() !== '') onLine(line);
  };
  return {
    push(chunk) {
      let start = 0;
      for (let at = 0; at < chunk.length; at++) {
        if (chunk[at] !== LINE_FEED && chunk[at] !== CARRIAGE_RETURN) continue;
        take(chunk.subarray(start, at));
        finish();
        start = at + 1;
      }
      take(chunk.subarray(start));
    },
    end: finish,
  };
}
