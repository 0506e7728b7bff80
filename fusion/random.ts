// Seeded chance: ChaCha with 8 rounds, run as a counter, so that a stream is only (key, words drawn). It does
// not know what its numbers are for, and it keeps no secret: 80 bits of key are there against collisions.
//
// Ten bytes of key fill the first ten of ChaCha's 32 key bytes, the rest are zero, as are both nonce words.
// Block b gives words 16 b … 16 b + 15, each of them one draw. The counter is 64 bits, low word first.
import { sha256 } from '@noble/hashes/sha2.js';
import { utf8ToBytes } from '@noble/hashes/utils.js';
import { assert } from './assert.ts';
import type { Random } from './types.ts';

const KEY_BYTES = 10;
const STATE_BYTES = 16;
const BLOCK_WORDS = 16;
/** "expand 32-byte k", ChaCha's own constants. */
const CONSTANTS = [0x61707865, 0x3320646e, 0x79622d32, 0x6b206574] as const;
const WORD_RANGE = 2 ** 32;

/** A stream that the text of the seed alone decides: its key is the head of SHA-256 of "meldmesh/random/" + seed. */
export function createRandom(seed: string): Random {
  return new ChaChaRandom(sha256(utf8ToBytes(`meldmesh/random/${seed}`)).slice(0, KEY_BYTES), 0);
}

/** Goes on where the stream was that gave `state`, forks included. Asserts on anything but 16 bytes. */
export function restoreRandom(state: Uint8Array): Random {
  assert(state.length === STATE_BYTES, 'a random state has 16 bytes');
  const view = new DataView(state.buffer, state.byteOffset, STATE_BYTES);
  const drawn = view.getUint32(KEY_BYTES, true) + view.getUint16(KEY_BYTES + 4, true) * WORD_RANGE;
  return new ChaChaRandom(state.slice(0, KEY_BYTES), drawn);
}

class ChaChaRandom implements Random {
  readonly #key: Uint8Array;
  readonly #input = new Uint32Array(BLOCK_WORDS);
  readonly #block = new Uint32Array(BLOCK_WORDS);
  #drawn: number;
  #blockHeld = -1;

  constructor(key: Uint8Array, drawn: number) {
    this.#key = key;
    this.#drawn = drawn;
    this.#input.set(CONSTANTS);
    new Uint8Array(this.#input.buffer).set(key, 16);
    const view = new DataView(this.#input.buffer);
    for (let word = 4; word < 12; word++) this.#input[word] = view.getUint32(word * 4, true);
  }

  fork(name: string): Random {
    const text = utf8ToBytes(`meldmesh/random/fork/${name}`);
    const joined = new Uint8Array(KEY_BYTES + text.length);
    joined.set(this.#key);
    joined.set(text, KEY_BYTES);
    return new ChaChaRandom(sha256(joined).slice(0, KEY_BYTES), 0);
  }

  uint32(): number {
    const block = Math.floor(this.#drawn / BLOCK_WORDS);
    if (block !== this.#blockHeld) {
      this.#input[12] = block % WORD_RANGE;
      this.#input[13] = Math.floor(block / WORD_RANGE);
      chacha8(this.#block, this.#input);
      this.#blockHeld = block;
    }
    const word = this.#block[this.#drawn % BLOCK_WORDS];
    this.#drawn++;
    return word;
  }

  float(): number {
    return (this.uint32() >>> 8) / 0x1000000;
  }

  below(n: number): number {
    assert(Number.isInteger(n) && n >= 1 && n <= WORD_RANGE, 'below wants an integer in 1 … 2^32');
    // Draws past the last whole multiple of n would favour the small numbers.
    const end = WORD_RANGE - (WORD_RANGE % n);
    for (;;) {
      const word = this.uint32();
      if (word < end) return word % n;
    }
  }

  state(): Uint8Array {
    const bytes = new Uint8Array(STATE_BYTES);
    bytes.set(this.#key);
    const view = new DataView(bytes.buffer);
    view.setUint32(KEY_BYTES, this.#drawn % WORD_RANGE, true);
    view.setUint16(KEY_BYTES + 4, Math.floor(this.#drawn / WORD_RANGE), true);
    return bytes;
  }
}

function chacha8(output: Uint32Array, input: Uint32Array): void {
  output.set(input);
  for (let round = 0; round < 8; round += 2) {
    for (let column = 0; column < 4; column++) quarter(output, column, column + 4, column + 8, column + 12);
    for (let column = 0; column < 4; column++) {
      quarter(output, column, 4 + ((column + 1) & 3), 8 + ((column + 2) & 3), 12 + ((column + 3) & 3));
    }
  }
  for (let word = 0; word < BLOCK_WORDS; word++) output[word] += input[word];
}

/** ChaCha's quarter round (Bernstein, 2008), with the paper's four letters. */
function quarter(words: Uint32Array, a: number, b: number, c: number, d: number): void {
  words[a] += words[b];
  words[d] = rotate(words[d] ^ words[a], 16);
  words[c] += words[d];
  words[b] = rotate(words[b] ^ words[c], 12);
  words[a] += words[b];
  words[d] = rotate(words[d] ^ words[a], 8);
  words[c] += words[d];
  words[b] = rotate(words[b] ^ words[c], 7);
}

function rotate(word: number, by: number): number {
  return (word << by) | (word >>> (32 - by));
}
