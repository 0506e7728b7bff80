// Permutations relaxed to doubly stochastic matrices, row by place, column by unit of the model: a place holds a mixture of units.
// Their gains, and the permutations nearest to them. How they are optimised is for others to decide.
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import type { ModelLayout } from '../types.ts';
import { assign } from './assignment.ts';
import type { MatrixProduct } from './matrix-product.ts';
import { type Mixtures, mixModel } from './mixed-units.ts';
import { type UnitAxis, unitAxesOf } from './unit-axes.ts';
import { UnitGains } from './unit-gains.ts';

/** By permutation, [size, size]. */
export type RelaxedPermutations = ReadonlyMap<string, Float64Array>;

/** The whole spec at once: every unit at one place, each at its own. */
export function relaxed(permutations: Permutations): RelaxedPermutations {
  const relaxOne = (order: Uint32Array): Float64Array => {
    const matrix = new Float64Array(order.length * order.length);
    for (const [place, unit] of order.entries()) matrix[place * order.length + unit] = 1;
    return matrix;
  };
  return new Map([...permutations].map(([name, order]) => [name, relaxOne(order)]));
}

/** The permutations whose units have most of the mass where they stand: one assignment each. */
export function nearestPermutations(spec: PermutationSpec, matrices: RelaxedPermutations): Permutations {
  const nearest = ({
    name,
    size,
  }: {
    readonly name: string;
    readonly size: number;
  }): [string, Uint32Array] => {
    const scores = matrices.get(name) ?? new Float64Array(size * size);
    const { columnOfRow } = assign({ scores, rows: size, columns: size, goal: 'greatest' });
    return [name, Uint32Array.from(columnOfRow)];
  };
  return new Map(spec.permutations.map(nearest));
}

export function mixturesOf(matrices: RelaxedPermutations): Mixtures {
  return new Map(
    [...matrices].map(([name, matrix]) => {
      const size = Math.sqrt(matrix.length);
      return [name, { weights: Float32Array.from(matrix), targets: size, sources: size }];
    }),
  );
}

export interface RelaxedModel {
  /** Flat. */
  readonly weights: Float32Array;
  readonly layout: ModelLayout;
  readonly spec: PermutationSpec;
  readonly product: MatrixProduct;
}

/** One model and the axes of its spec, for gains again and again. */
export class RelaxedGains {
  readonly #model: RelaxedModel;
  readonly #axes: ReadonlyMap<string, readonly UnitAxis[]>;
  readonly #room = { left: new Float32Array(0), right: new Float32Array(0) };

  constructor(model: RelaxedModel) {
    this.#model = model;
    this.#axes = unitAxesOf(model.spec, model.layout);
  }

  /** The model with all its units mixed. */
  mixed(matrices: RelaxedPermutations): Float32Array {
    return mixModel({ ...this.#model, mixtures: mixturesOf(matrices) });
  }

  /**
   * [size, size]: the derivative of Σ reference · mixed model by the matrix of one permutation. Statistics are left out. For a
   * permutation on two axes of one tensor this is half of it, the other axis being taken as fixed.
   */
  of(name: string, reference: Float32Array, matrices: RelaxedPermutations): Float64Array {
    const axes = this.#axes.get(name) ?? [];
    const tensors = new Set(axes.map(({ tensor }) => tensor.name));
    const size = Math.sqrt(matrices.get(name)?.length ?? 0);
    const mixtures = new Map(mixturesOf(matrices));
    mixtures.delete(name);
    const model = mixModel({ ...this.#model, mixtures, tensors });
    const pair = { reference, model, product: this.#model.product, room: this.#room };
    return new UnitGains(pair, axes, size).at(new Map()).gains;
  }
}
