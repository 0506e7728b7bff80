// Vectors that nobody writes to any more: who is given one need not copy it, and may get it again later.

const sources = new WeakMap<Float32Array, () => Float32Array>();

/** To be called by whoever has made them. `again` gives the same values, these or equal ones; absent: these. */
export function freeze(values: Float32Array, again: () => Float32Array = () => values): void {
  sources.set(values, again);
}

/** The same values whenever they are asked for: of frozen ones without a copy. */
export function lasting(values: Float32Array): () => Float32Array {
  const again = sources.get(values);
  if (again !== undefined) return again;
  const copy = values.slice();
  return () => copy;
}
