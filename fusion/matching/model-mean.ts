// Sums and means of several flat models of one layout, in float64. It neither checks nor aligns them.

/** Entry by entry, in the order of the models; `except` leaves one out. */
export function sumOf(models: readonly Float32Array[], except?: number): Float64Array {
  const sums = new Float64Array(models[0].length);
  for (const [index, model] of models.entries()) {
    if (index === except) continue;
    for (let at = 0; at < sums.length; at++) sums[at] += model[at];
  }
  return sums;
}

/** Likewise, rounded once. */
export function meanOf(models: readonly Float32Array[], except?: number): Float32Array {
  const count = except === undefined ? models.length : models.length - 1;
  return Float32Array.from(sumOf(models, except), (sum) => sum / count);
}
