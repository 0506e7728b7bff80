// The nouns of this room. Everything here is flat typed arrays and plain data: no clock, no I/O, no peers.

/** Seeded chance as a value; see `random.ts`. */
export interface Random {
  /** A child stream of its own, independent of how much the parent has drawn. */
  fork(name: string): Random;
  uint32(): number;
  /** In [0, 1), 24 bits. */
  float(): number;
  /** In 0 … n − 1, unbiased. */
  below(n: number): number;
  /** Sixteen bytes from which `restoreRandom` goes on exactly here. */
  state(): Uint8Array;
}

/** One tensor of a model inside its flat vector. */
export interface TensorLayout {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly size: number;
}

/** A whole model as one flat float32 vector. */
export interface ModelLayout {
  readonly tensors: readonly TensorLayout[];
  readonly size: number;
}

/** Turns a flat delta into bytes and back. Lossy codecs leave their error to `errorFeedback`. */
export interface Codec {
  readonly name: string;
  /** Upper bound on the bytes of one payload. */
  payloadBytesMax(layout: ModelLayout): number;
  encode(delta: Float32Array, layout: ModelLayout, random: Random): Uint8Array;
  /** What is wrong with these bytes, or `undefined`. Never throws, allocates at most O(payload). */
  check(payload: Uint8Array, layout: ModelLayout): string | undefined;
  /**
   * accumulator[i] += weight × round32(decoded[i]) for every stored entry, ascending i, once each, in float64; an accumulator
   * of float32 rounds each sum. Only for payloads that `check` accepted. Sparse payloads touch only their entries.
   */
  addTo(
    accumulator: Float64Array | Float32Array,
    payload: Uint8Array,
    weight: number,
    layout: ModelLayout,
  ): void;
}

/** Model specification: a stack of dense layers. Weights are [inputs, units], then bias [units]. */
export interface DenseSpec {
  readonly kind: 'dense';
  readonly inputs: number;
  readonly layers: readonly { readonly units: number; readonly activation: 'relu' | 'tanh' | 'linear' }[];
  /** The last layer's outputs are logits of this loss. */
  readonly loss: 'softmax-cross-entropy';
}
