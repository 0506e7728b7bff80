// Delta debugging of a list (Zeller and Hildebrandt, 2002): which part to leave out next, large parts first.

/** Index ranges to try without: halves, then quarters, down to single entries; each from the end. */
export function partsOf(length: number): readonly (readonly number[])[] {
  const parts: number[][] = [];
  for (let size = Math.ceil(length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let end = length; end > 0; end -= size) {
      const from = Math.max(0, end - size);
      parts.push(Array.from({ length: end - from }, (_, i) => from + i));
    }
  }
  return parts;
}
