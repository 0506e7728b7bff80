// Whether every value of a vector is a number that arithmetic may go on with.

/** A plain loop: `every` with a callback takes ten times as long on the vectors of a model. */
export function isFiniteVector(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) return false;
  }
  return true;
}
