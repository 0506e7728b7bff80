// Small arithmetic on distances and norms that several rules share. Ties go to the member that comes first.

/** Places 0 … n − 1 of ascending values; of equal ones the lower place goes first. */
export function ascendingOrder(values: Float64Array): number[] {
  return Array.from(values.keys()).sort((a, b) => values[a] - values[b] || a - b);
}

/** The middle of the values, the lower one of two: the value of an actual member. */
export function lowerMedian(values: Float64Array): number {
  return values.toSorted()[(values.length - 1) >> 1];
}

/** √ of the diagonal of a Gram matrix: the norms of the members. */
export function normsOf(gram: Float64Array, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => Math.sqrt(gram[i * count + i]));
}

/** ‖xᵢ − Σⱼ aⱼ xⱼ‖ for every member, from inner products alone. */
export function distancesToCombination(gram: Float64Array, a: Float64Array): Float64Array {
  const count = a.length;
  const products = new Float64Array(count);
  let square = 0;
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < count; j++) products[i] += gram[i * count + j] * a[j];
    square += a[i] * products[i];
  }
  return products.map((product, i) => Math.sqrt(Math.max(0, gram[i * count + i] - 2 * product + square)));
}
