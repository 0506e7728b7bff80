// What a rule sees of a set of updates: how many, their weights, and the geometry between them. Members are the updates
// themselves or mixtures of them; a mixture is a row of coefficients, so that the vectors themselves are touched once, at
// the end, however many steps lie in front of a rule.
import type { ChangeMatrix } from './change-matrix.ts';

export interface Members {
  readonly count: number;
  /** Of each member, above zero. */
  readonly weights: Float64Array;
  /** Inner products ⟨xᵢ, xⱼ⟩, [count, count]. */
  gram(): Float64Array;
  /** ‖xᵢ − xⱼ‖², [count, count]; exactly zero between equal updates. */
  squaredDistances(): Float64Array;
  /** The vector that all members know and measure by, where there is one. */
  readonly reference?: Reference;
}

export interface Reference {
  /** ‖r‖². */
  squaredNorm(): number;
  /** ⟨xᵢ, r⟩ of each member. */
  products(): Float64Array;
}

/** What a step in front of a rule makes of the members: as many new ones as there are weights. */
export interface Mixing {
  /** [weights.length, members.count] coefficients; absent: the members stay as they are. */
  readonly coefficients?: Float64Array;
  readonly weights: Float64Array;
  /** Which new member stands for each old one; absent: that of its number. */
  readonly placeOf?: Int32Array;
}

export class MixedMembers implements Members {
  readonly weights: Float64Array;
  readonly reference: Reference | undefined;
  readonly #matrix: ChangeMatrix;
  /** How many of the matrix's rows are updates; one more is the reference. */
  readonly #updates: number;
  /** [count, #updates]; absent: each member is the update of its number. */
  readonly coefficients: Float64Array | undefined;
  #gram: Float64Array | undefined;

  private constructor(
    matrix: ChangeMatrix,
    from: { readonly updates: number; readonly weights: Float64Array; readonly coefficients?: Float64Array },
  ) {
    this.#matrix = matrix;
    this.#updates = from.updates;
    this.weights = from.weights;
    this.coefficients = from.coefficients;
    this.reference = matrix.count > from.updates ? this.#referenceRow() : undefined;
  }

  /** One member for each weight; a row of the matrix behind them is the reference. */
  static of(matrix: ChangeMatrix, weights: Float64Array): MixedMembers {
    return new MixedMembers(matrix, { updates: weights.length, weights });
  }

  get count(): number {
    return this.weights.length;
  }

  /** The members after one more step. */
  mixed(mixing: Mixing): MixedMembers {
    const coefficients =
      mixing.coefficients === undefined ? this.coefficients : this.#unmixed(mixing.coefficients);
    return new MixedMembers(this.#matrix, { updates: this.#updates, weights: mixing.weights, coefficients });
  }

  /** Coefficients over the members as coefficients over the updates, one row after the other. */
  #unmixed(rows: Float64Array): Float64Array {
    if (this.coefficients === undefined) return rows;
    return multiply(rows, this.coefficients, this.count);
  }

  /** One row of coefficients over the members, as one over all rows of the matrix. */
  rowOver(coefficients: Float64Array): Float64Array {
    const row = new Float64Array(this.#matrix.count);
    row.set(this.#unmixed(coefficients));
    return row;
  }

  gram(): Float64Array {
    this.#gram ??= this.#mixedGram();
    return this.#gram;
  }

  squaredDistances(): Float64Array {
    const gram = this.gram();
    const { count } = this;
    const distances = new Float64Array(count * count);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        const squared = gram[i * count + i] + gram[j * count + j] - 2 * gram[i * count + j];
        distances[i * count + j] = i === j ? 0 : Math.max(0, squared);
      }
    }
    return distances;
  }

  #mixedGram(): Float64Array {
    const all = this.#matrix.gram();
    const updates = this.#updates;
    const gram = new Float64Array(updates * updates);
    for (let i = 0; i < updates; i++) {
      for (let j = 0; j < updates; j++) gram[i * updates + j] = all[i * this.#matrix.count + j];
    }
    if (this.coefficients === undefined) return gram;
    const half = multiply(this.coefficients, gram, updates);
    return multiplyTransposed(half, this.coefficients, updates);
  }

  #referenceRow(): Reference {
    const { count } = this.#matrix;
    const last = (): Float64Array => this.#matrix.gram().subarray((count - 1) * count);
    return {
      squaredNorm: () => last()[count - 1],
      products: () => {
        const products = last().slice(0, this.#updates);
        return this.coefficients === undefined
          ? products
          : multiplyTransposed(this.coefficients, products, this.#updates);
      },
    };
  }
}

/** left [?, depth] · right [depth, ?]; zeros on the left are left out, for what they would meet may be huge. */
function multiply(left: Float64Array, right: Float64Array, depth: number): Float64Array {
  const rows = left.length / depth;
  const columns = right.length / depth;
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < depth; k++) {
      const factor = left[i * depth + k];
      if (factor === 0) continue;
      for (let j = 0; j < columns; j++) product[i * columns + j] += factor * right[k * columns + j];
    }
  }
  return product;
}

/** left [?, depth] · rightᵀ, right [?, depth]. */
function multiplyTransposed(left: Float64Array, right: Float64Array, depth: number): Float64Array {
  const rows = left.length / depth;
  const columns = right.length / depth;
  const product = new Float64Array(rows * columns);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) {
      let sum = 0;
      for (let k = 0; k < depth; k++) sum += left[i * depth + k] * right[j * depth + k];
      product[i * columns + j] = sum;
    }
  }
  return product;
}
