// Means, variances and the cross-covariance of the units of two models over a stream of samples, in one pass that does not
// cancel: batches are centred on their own and merged (Chan, Golub and LeVeque, 1983). It does not know what units are.
import { FusionError } from '../errors.ts';
import type { MatrixProduct } from './matrix-product.ts';

/** A unit is dead if its variance is no more than this share of its mean square: all its values are one value, rounded. */
const DEAD_SHARE = 1e-12;

export interface CoMomentsOptions {
  /** Units of each of the two models. */
  readonly rows: number;
  readonly columns: number;
  /** For messages: the place whose units these are. */
  readonly place: string;
  readonly product: MatrixProduct;
}

/** Moments of one model's units. */
interface Side {
  readonly means: Float64Array;
  /** Σ (x − mean)². */
  readonly squares: Float64Array;
}

export class CoMoments {
  readonly #options: CoMomentsOptions;
  readonly #left: Side;
  readonly #right: Side;
  /** Σ (x − mean)(y − mean), [rows, columns]. */
  readonly #products: Float64Array;
  #samples = 0;

  constructor(options: CoMomentsOptions) {
    const { rows, columns } = options;
    this.#options = options;
    this.#left = { means: new Float64Array(rows), squares: new Float64Array(rows) };
    this.#right = { means: new Float64Array(columns), squares: new Float64Array(columns) };
    this.#products = new Float64Array(rows * columns);
  }

  get samples(): number {
    return this.#samples;
  }

  /**
   * Adds the same samples as both models see them: left [samples, rows], right [samples, columns]. Throws a FusionError
   * where the two are not of one number of samples, or not finite.
   */
  add(left: Float32Array, right: Float32Array): void {
    const { rows, columns, product } = this.#options;
    const count = this.#count(left, right);
    if (count === 0) return;
    const [ofLeft, ofRight] = [this.#centred(left, rows, count), this.#centred(right, columns, count)];
    const weight = (this.#samples * count) / (this.#samples + count);
    for (let i = 0; i < rows; i++) {
      const shift = ofLeft.means[i] - this.#left.means[i];
      for (let j = 0; j < columns; j++) {
        this.#products[i * columns + j] += weight * shift * (ofRight.means[j] - this.#right.means[j]);
      }
    }
    product({ left: ofLeft.rows, right: ofRight.rows, rows, columns, depth: count, into: this.#products });
    merge(this.#left, ofLeft, { before: this.#samples, count });
    merge(this.#right, ofRight, { before: this.#samples, count });
    this.#samples += count;
  }

  #count(left: Float32Array, right: Float32Array): number {
    const { rows, columns, place } = this.#options;
    const count = left.length / rows;
    if (Number.isInteger(count) && count === right.length / columns) return count;
    const message =
      `activations of ${JSON.stringify(place)} come as ${left.length} and ${right.length} values, which are no equal ` +
      `numbers of samples of ${rows} and ${columns} units`;
    throw new FusionError('MELDMESH_FUSION_SHAPE', message);
  }

  #centred(values: Float32Array, units: number, count: number): Side & { readonly rows: Float32Array } {
    const [means, squares] = [new Float64Array(units), new Float64Array(units)];
    for (let at = 0; at < values.length; at += units) {
      for (let unit = 0; unit < units; unit++) means[unit] += values[at + unit];
    }
    for (let unit = 0; unit < units; unit++) {
      means[unit] /= count;
      if (Number.isFinite(means[unit])) continue;
      const message = `unit ${unit} of ${JSON.stringify(this.#options.place)} has activations that are not finite`;
      throw new FusionError('MELDMESH_FUSION_NOT_FINITE', message);
    }
    const rows = new Float32Array(units * count);
    for (let sample = 0, at = 0; sample < count; sample++) {
      for (let unit = 0; unit < units; unit++, at++) {
        const centred = values[at] - means[unit];
        squares[unit] += centred * centred;
        rows[unit * count + sample] = centred;
      }
    }
    return { means, squares, rows };
  }

  /** E[xy] of every two units, [rows, columns]: what least squares maximises (Ainsworth et al., 2023, section 3.1). */
  innerProducts(): Float64Array {
    const { rows, columns } = this.#options;
    const scores = new Float64Array(rows * columns);
    for (let i = 0, at = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) {
        scores[at] = this.#products[at] / this.#samples + this.#left.means[i] * this.#right.means[j];
      }
    }
    return scores;
  }

  /** Pearson's correlation of every two units, [rows, columns]; 0 with a dead one (Li et al., 2016; Jordan et al., 2023). */
  correlations(): Float64Array {
    const { rows, columns } = this.#options;
    const [ofLeft, ofRight] = [this.#inverseDeviations(this.#left), this.#inverseDeviations(this.#right)];
    const scores = new Float64Array(rows * columns);
    for (let i = 0, at = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++, at++) scores[at] = this.#products[at] * ofLeft[i] * ofRight[j];
    }
    return scores;
  }

  /** Units of the two models whose values never change. */
  dead(): { readonly left: number; readonly right: number } {
    const count = (side: Side) =>
      this.#inverseDeviations(side).reduce((sum, each) => sum + Number(each === 0), 0);
    return { left: count(this.#left), right: count(this.#right) };
  }

  /** 1 / √Σ(x − mean)², 0 for a dead unit. */
  #inverseDeviations({ means, squares }: Side): Float64Array {
    return squares.map((square, unit) => {
      const isDead = square <= DEAD_SHARE * (square + this.#samples * means[unit] * means[unit]);
      return isDead ? 0 : 1 / Math.sqrt(square);
    });
  }
}

/** Adds a batch's moments to those of all samples before. */
function merge(all: Side, batch: Side, { before, count }: { before: number; count: number }): void {
  const total = before + count;
  for (let unit = 0; unit < all.means.length; unit++) {
    const shift = batch.means[unit] - all.means[unit];
    all.means[unit] += (shift * count) / total;
    all.squares[unit] += batch.squares[unit] + (shift * shift * before * count) / total;
  }
}
