// A codec with a memory of what it has decoded, for the many simulated peers that hear the same payloads: the entries that
// are not zero, and their places.
import type { Codec, GenerationPart, ModelLayout, Random } from '../fusion/index.ts';

interface Entries {
  readonly at: Uint32Array;
  readonly values: Float32Array;
}

export class DecodedOnce implements Codec {
  readonly name: string;
  readonly #codec: Codec;
  readonly #layout: ModelLayout;
  /** One room for all, zero between calls: most payloads are sparse, and the model may be large. */
  readonly #room: Float32Array;
  readonly #places: Uint32Array;
  readonly #known = new WeakMap<Uint8Array, Entries>();

  constructor(codec: Codec, layout: ModelLayout) {
    this.name = codec.name;
    this.#codec = codec;
    this.#layout = layout;
    this.#room = new Float32Array(layout.size);
    this.#places = new Uint32Array(layout.size);
  }

  payloadBytesMax(layout: ModelLayout): number {
    return this.#codec.payloadBytesMax(layout);
  }

  encode(delta: Float32Array, layout: ModelLayout, random: Random): Uint8Array {
    return this.#codec.encode(delta, layout, random);
  }

  check(payload: Uint8Array, layout: ModelLayout): string | undefined {
    return this.#codec.check(payload, layout);
  }

  addTo(accumulator: Float64Array | Float32Array, payload: Uint8Array, weight: number): void {
    const { at, values } = this.#entriesOf(payload);
    for (let i = 0; i < at.length; i++) accumulator[at[i]] += weight * values[i];
  }

  /** Where these parts have entries that are not zero: each place once, in no order. */
  placesOf(parts: readonly GenerationPart[]): Uint32Array {
    // Decoding uses the same rooms, so it comes first.
    const entries = parts.map(({ payload }) => this.#entriesOf(payload));
    const [room, places] = [this.#room, this.#places];
    let count = 0;
    for (const { at } of entries) {
      for (let i = 0; i < at.length; i++) {
        if (room[at[i]] !== 0) continue;
        room[at[i]] = 1;
        places[count++] = at[i];
      }
    }
    for (let i = 0; i < count; i++) room[places[i]] = 0;
    return places.slice(0, count);
  }

  #entriesOf(payload: Uint8Array): Entries {
    let entries = this.#known.get(payload);
    if (entries === undefined) {
      entries = this.#decode(payload);
      this.#known.set(payload, entries);
    }
    return entries;
  }

  #decode(payload: Uint8Array): Entries {
    const [room, places] = [this.#room, this.#places];
    // Entries are float32 numbers, so one of them alone is not rounded.
    this.#codec.addTo(room, payload, 1, this.#layout);
    let count = 0;
    for (let i = 0; i < room.length; i++) if (room[i] !== 0) places[count++] = i;
    const at = places.slice(0, count);
    const values = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      values[i] = room[at[i]];
      room[at[i]] = 0;
    }
    return { at, values };
  }
}
