// The symmetries of a model as plain data: which permutation moves which entries of which tensors. What is permuted together
// leaves the function as it is. It does not know how a permutation is found, nor any framework.

/**
 * Where the units of a permutation lie along one axis of one tensor: unit u owns the entries
 * start + (r · size + u) · block + b for r below `repeats` and b below `block`.
 */
export interface PermutedAxis {
  readonly tensor: string;
  readonly axis: number;
  /** 0 if absent. */
  readonly start?: number;
  /** The units follow one another so many times: gates of an LSTM, pixels of a channels-last flatten. 1 if absent. */
  readonly repeats?: number;
  /** Consecutive entries of one unit: an attention head, pixels of a channels-first flatten. 1 if absent. */
  readonly block?: number;
  /** Moves along but does not tell units apart, like running statistics of batch norm, whose scale is another one. */
  readonly isStatistic?: boolean;
}

/** One permutation. Name and sizes are data; which units go where is in `Permutations`. */
export interface PermutationOfUnits {
  readonly name: string;
  /** Units. */
  readonly size: number;
  readonly axes: readonly PermutedAxis[];
}

/**
 * Permutations are applied in this order: what lies inside a unit of another one (values inside a head) comes before it
 * (the heads).
 */
export interface PermutationSpec {
  readonly permutations: readonly PermutationOfUnits[];
  /** Tensors that nothing moves. Every other one is on an axis of a permutation. */
  readonly untouched: readonly string[];
}

/** By name: at place i stands the unit that was at place `permutation[i]`. An absent one leaves its units where they are. */
export type Permutations = ReadonlyMap<string, Uint32Array>;
