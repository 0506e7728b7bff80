// Bytes as text, for messages that a person can compare.

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Array.from(text.matchAll(/../g), ([pair]) => Number.parseInt(pair, 16)));
}

export function toHex(array: Uint8Array | Float32Array | Float64Array): string {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString('hex');
}
