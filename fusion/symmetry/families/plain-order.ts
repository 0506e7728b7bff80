// What names tell of the order of layers: those that differ in numbers only go by their numbers. A file's own order
// tells nothing, for writers sort by name. It looks at names only.

/** Layers whose names differ in numbers only, each group in the order of its numbers. */
export function groupsOf<Layer extends { readonly name: string }>(layers: readonly Layer[]): Layer[][] {
  const sorted = layers.toSorted((left, right) => compareNaturally(left.name, right.name));
  return [...Map.groupBy(sorted, ({ name }) => wordsOf(name)).values()];
}

/** The name without its numbers: `conv2d` and `conv2d_1` are both `conv#d`. */
export function wordsOf(name: string): string {
  return name.replace(/_\d+$/, '').replace(/\d+/g, '#');
}

/** The number at the end of a name; `undefined` for the first of a TensorFlow.js model, which has none. */
export function numberOf(name: string): number | undefined {
  const match = /(\d+)$/.exec(name);
  return match === null ? undefined : Number(match[1]);
}

/** `layer2` before `layer10`, `dense` before `dense_1`. */
export function compareNaturally(left: string, right: string): number {
  const pieces = (name: string): readonly string[] => name.split(/(\d+)/);
  const [ofLeft, ofRight] = [pieces(left), pieces(right)];
  for (let i = 0; i < Math.min(ofLeft.length, ofRight.length); i++) {
    if (ofLeft[i] === ofRight[i]) continue;
    if (i % 2 === 1) return Number(ofLeft[i]) - Number(ofRight[i]);
    return ofLeft[i] < ofRight[i] ? -1 : 1;
  }
  return ofLeft.length - ofRight.length;
}
