// Vectors that nobody writes to any more: who is given one need not copy it.

const frozen = new WeakSet<Float32Array>();

/** To be called by whoever has made them. */
export function freeze(...vectors: readonly Float32Array[]): void {
  for (const values of vectors) frozen.add(values);
}

/** The same values for good: these, or a copy of them. */
export const lasting = (values: Float32Array): Float32Array => (frozen.has(values) ? values : values.slice());
