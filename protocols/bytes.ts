// Reading and writing the bytes of messages: fixed little-endian numbers, varints, texts. It knows nothing of
// any message. The reader is for bytes from strangers: it never throws and never copies more than it was given.
import assert from 'node:assert/strict';
import type { Hash } from './ports.ts';

const HASH_BYTES = 32;
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));
/** Values of lower-case hexadecimal digits by their character codes. */
const NO_DIGIT = 16;
const DIGITS = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code));
  return value < 0 ? NO_DIGIT : value;
});
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Lower-case hexadecimal text. */
export function hexOf(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/** The 32 bytes of a hash. By a table: to compare two sets takes thousands of hashes. */
export function bytesOfHash(hash: Hash): Uint8Array {
  const bytes = new Uint8Array(HASH_BYTES);
  let isHash = hash.length === 2 * HASH_BYTES;
  for (let index = 0; index < HASH_BYTES; index++) {
    const high = DIGITS[hash.charCodeAt(2 * index)] ?? NO_DIGIT;
    const low = DIGITS[hash.charCodeAt(2 * index + 1)] ?? NO_DIGIT;
    isHash &&= high !== NO_DIGIT && low !== NO_DIGIT;
    bytes[index] = 16 * high + low;
  }
  assert(isHash, 'a hash is 64 lower-case hex digits');
  return bytes;
}

/** The hash of a text that came from outside, or `undefined` where it is none. */
export function hashOfText(text: string): Hash | undefined {
  return /^[0-9a-f]{64}$/.test(text) ? (text as Hash) : undefined;
}

export function bytesOfText(text: string): Uint8Array {
  return encoder.encode(text);
}

/** `undefined` for bytes that are not UTF-8. A byte order mark stays part of the text. */
export function textOfBytes(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** False for text with half a surrogate pair: UTF-8 has no bytes for that. */
export function isWholeText(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** True for equal length and content. */
export function bytesEqual(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let index = 0; index < left.length; index++) if (left[index] !== right[index]) return false;
  return true;
}

/** Grows as needed. Wrong arguments are our own mistake and assert. */
export class ByteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(Math.max(16, capacity));
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xff);
    const at = this.#take(1);
    this.#bytes[at] = value;
    return this;
  }

  /** Four bytes, little-endian. */
  u32(value: number): this {
    assert(Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff);
    const at = this.#take(4);
    for (let index = 0; index < 4; index++) this.#bytes[at + index] = value >>> (8 * index);
    return this;
  }

  /** Eight bytes, little-endian, for whole numbers up to 2^53 − 1. */
  u64(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0);
    return this.u32(value % 2 ** 32).u32(Math.floor(value / 2 ** 32));
  }

  /** Seven bits a byte, lowest first, the high bit says that more follow; whole numbers up to 2^53 − 1. */
  varint(value: number): this {
    assert(Number.isSafeInteger(value) && value >= 0);
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) + 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  /** The bytes as they are, without their length. */
  fixed(bytes: Uint8Array): this {
    const at = this.#take(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  /** 32 bytes. */
  hash(hash: Hash): this {
    return this.fixed(bytesOfHash(hash));
  }

  /** A varint length, then the bytes. */
  prefixed(bytes: Uint8Array): this {
    return this.varint(bytes.length).fixed(bytes);
  }

  /** A varint length in bytes, then UTF-8. */
  text(text: string): this {
    assert(isWholeText(text), 'a text with half a surrogate pair has no UTF-8');
    return this.prefixed(encoder.encode(text));
  }

  /** A copy of everything written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  #take(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#length, 2 * this.#bytes.length));
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    return at;
  }
}

/**
 * Reads what `ByteWriter` wrote. The first read that does not fit sets `failed`; from then on every read gives
 * zero or nothing, so a decoder may read all its fields and look once. Loops over a count that was read must
 * look at `failed` on each turn. What is returned is a copy: it does not keep the message alive.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #failed = false;

  constructor(bytes: Uint8Array) {
    // A plain view, for a Buffer's `slice` would not copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get failed(): boolean {
    return this.#failed;
  }

  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** Nothing failed and nothing is left over. */
  get complete(): boolean {
    return !this.#failed && this.remaining === 0;
  }

  /** For a decoder's own checks: marks the message bad. */
  fail(): void {
    this.#failed = true;
  }

  u8(): number {
    return this.#has(1) ? this.#bytes[this.#at++] : 0;
  }

  u32(): number {
    if (!this.#has(4)) return 0;
    let value = 0;
    for (let index = 3; index >= 0; index--) value = value * 256 + this.#bytes[this.#at + index];
    this.#at += 4;
    return value;
  }

  /** Fails above 2^53 − 1. */
  u64(): number {
    const low = this.u32();
    const high = this.u32();
    if (high >= 2 ** 21) this.#failed = true;
    return this.#failed ? 0 : high * 2 ** 32 + low;
  }

  /** Fails above 2^53 − 1 and for a form longer than the shortest. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < 8; index++) {
      const byte = this.u8();
      if (this.#failed) return 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if ((byte === 0 && index > 0) || !Number.isSafeInteger(value)) this.#failed = true;
        return this.#failed ? 0 : value;
      }
      scale *= 0x80;
    }
    this.#failed = true;
    return 0;
  }

  fixed(count: number): Uint8Array {
    if (!this.#has(count)) return new Uint8Array(0);
    const bytes = this.#bytes.slice(this.#at, this.#at + count);
    this.#at += count;
    return bytes;
  }

  /** 64 zeros after a failure. */
  hash(): Hash {
    const bytes = this.fixed(HASH_BYTES);
    return (this.#failed ? '0'.repeat(2 * HASH_BYTES) : hexOf(bytes)) as Hash;
  }

  /** Fails above `bytesMax`. */
  prefixed(bytesMax: number): Uint8Array {
    const count = this.varint();
    if (count > bytesMax) this.#failed = true;
    return this.#failed ? new Uint8Array(0) : this.fixed(count);
  }

  /** Fails above `bytesMax` bytes and for anything but UTF-8. */
  text(bytesMax: number): string {
    const text = textOfBytes(this.prefixed(bytesMax));
    if (text === undefined) this.#failed = true;
    return this.#failed ? '' : (text ?? '');
  }

  /** Everything that is left. */
  rest(): Uint8Array {
    return this.fixed(this.remaining);
  }

  #has(count: number): boolean {
    if (this.#failed || count > this.remaining) this.#failed = true;
    return !this.#failed;
  }
}
