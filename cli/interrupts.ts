// Ctrl-C, told apart from its echoes: the terminal sends it to the whole group, and npm and the launcher pass it
// on once more.

/** Two signals within this are one wish. */
const SAME_INTERRUPT_MS = 300;

/** Calls `first` at the first Ctrl-C and `again` at each later one. Gives a function that stops listening. */
export function onInterrupt(first: () => void, again: () => void): () => void {
  let firstAtMs: number | undefined;
  const hear = (): void => {
    const nowMs = performance.now();
    if (firstAtMs === undefined) {
      firstAtMs = nowMs;
      first();
    } else if (nowMs - firstAtMs > SAME_INTERRUPT_MS) {
      again();
    }
  };
  process.on('SIGINT', hear);
  return () => {
    process.off('SIGINT', hear);
  };
}
