// Bits in bytes, the first bit of the stream in the least significant bit of the first byte.

export class BitWriter {
  readonly #bytes: Uint8Array;
  #position: number;

  /** Writes into `bytes`, which are zero from `startByte` on and long enough. */
  constructor(bytes: Uint8Array, startByte: number) {
    this.#bytes = bytes;
    this.#position = startByte * 8;
  }

  /** The low `count` bits of `value`, lowest first; `count` is at most 31. */
  bits(value: number, count: number): void {
    let rest = value;
    let left = count;
    while (left > 0) {
      const used = this.#position & 7;
      const taken = Math.min(8 - used, left);
      this.#bytes[this.#position >>> 3] |= (rest & ((1 << taken) - 1)) << used;
      rest >>>= taken;
      left -= taken;
      this.#position += taken;
    }
  }

  /** `count` ones, then a zero. */
  unary(count: number): void {
    let left = count;
    for (; left > 31; left -= 31) this.bits(0x7fffffff, 31);
    // Two steps, because 1 << 32 is 1.
    this.bits((1 << left) - 1, left);
    this.bits(0, 1);
  }

  /** Bytes written so far, a begun one included. */
  bytesUsed(): number {
    return (this.#position + 7) >>> 3;
  }
}

/** Bits that one look at four bytes is sure to give, wherever in the first byte it starts. */
const WINDOW = 25;

/** Reads what `BitWriter` wrote. Past the end every bit is zero; `overrun` tells. */
export class BitReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, startByte: number) {
    this.#bytes = bytes;
    this.#end = bytes.length * 8;
    this.#position = startByte * 8;
  }

  /** The next `count` bits, at most 30. */
  bits(count: number): number {
    if (count > WINDOW) return this.bits(WINDOW) + (this.bits(count - WINDOW) << WINDOW);
    const value = this.#window() & ((1 << count) - 1);
    this.#position += count;
    return value;
  }

  /** How many ones come before the next zero, which is taken too. */
  unary(): number {
    let count = 0;
    for (;;) {
      const zeros = ~this.#window();
      const ones = zeros === 0 ? WINDOW : 31 - Math.clz32(zeros & -zeros);
      if (ones < WINDOW) {
        this.#position += ones + 1;
        return count + ones;
      }
      count += WINDOW;
      this.#position += WINDOW;
    }
  }

  overrun(): boolean {
    return this.#position > this.#end;
  }

  /** True when less than a byte is left and its bits are zero. */
  atPaddedEnd(): boolean {
    const left = this.#end - this.#position;
    return left >= 0 && left < 8 && this.bits(left) === 0;
  }

  /** The bits from here on, the next one lowest; `WINDOW` of them are right, those above may be missing. */
  #window(): number {
    const bytes = this.#bytes;
    const at = this.#position >>> 3;
    const word = bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24);
    return word >>> (this.#position & 7);
  }
}
