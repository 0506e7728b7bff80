// The one way this room says "that was our own mistake". It never judges bytes that came from elsewhere.

/** Throws when our own code broke a promise; unreachable from a peer's bytes. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
