// C²M³ (Crisostomi et al., "Cycle-Consistent Multi-Model Merging", 2024, section 3 and algorithm 1): many models are matched at
// once, each to a universe that is none of them. The map between two of them goes through the universe, so that every way round
// is the identity. No model is special, and no data are needed.
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import {
  composePermutations,
  identityPermutations,
  invertPermutations,
  randomPermutations,
} from '../symmetry/permutations.ts';
import { permuteModel } from '../symmetry/permute.ts';
import type { Random } from '../types.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import { checkManyModels, type ManyModels, type MergedModels, spreadOf } from './merge-many.ts';
import { checkMixable } from './mixed-units.ts';
import { meanOf, sumOf } from './model-mean.ts';
import { comparedTensors } from './model-pair.ts';
import {
  nearestPermutations,
  RelaxedGains,
  type RelaxedPermutations,
  relaxed,
} from './relaxed-permutations.ts';
import { bestStep, stepPolynomial } from './step-polynomial.ts';

export interface CycleConsistentOptions extends ManyModels {
  readonly random: Random;
  /** The first begins with all units where they are, others at random. The best is kept. Default 4. */
  readonly starts?: number;
  /** Of Frank and Wolfe. Default 200, as in the paper's code. */
  readonly iterationsMax?: number;
  readonly product?: MatrixProduct;
  /** After each iteration; for progress. */
  readonly onIteration?: (progress: FrankWolfeProgress) => void;
}

export interface FrankWolfeProgress {
  /** From 0. */
  readonly start: number;
  /** From 1. */
  readonly iteration: number;
  /** Σ over pairs of the inner products of the relaxed models; it never falls. */
  readonly objective: number;
}

const STARTS = 4;
const ITERATIONS_MAX = 200;
/** Of the objective; an iteration that gains less is the last. */
const TOLERANCE = 1e-6;

/**
 * Maximises Σ over pairs ⟨P_X W_X, P_Y W_Y⟩ over doubly stochastic matrices by Frank and Wolfe (1956): the gradient of each
 * matrix is a matrix of gains, the best vertex is one assignment, and one step size for all is found exactly, since the
 * objective is a polynomial of degree four in it. Then every matrix is rounded by an assignment. `rounds` are the iterations of
 * all starts.
 *
 * The universe has no order of its own: any order of it, applied to all models, gives the same objective. Left free, as in the
 * paper, the relaxation stays in the middle of equally good solutions. So each start takes the order of one model, the next
 * start that of the next one: planted moves of two noisy models then come back in 3 to 5 iterations instead of not in 200.
 *
 * Throws a FusionError for fewer than two models, models or a spec that do not fit, and units with permutations inside them.
 */
export function matchCycleConsistent(options: CycleConsistentOptions): MergedModels {
  const { models, spec, layout, random, starts = STARTS } = options;
  checkManyModels(options);
  checkMixable(spec);
  const alignAll = (found: readonly Permutations[]) =>
    found.map((permutations, index) => permuteModel({ weights: models[index], layout, spec, permutations }));
  const still: readonly Permutations[] = models.map(() => identityPermutations(spec));
  const spreadBefore = spreadOf(options, models);
  let [permutations, spreadAfter, rounds] = [still, spreadBefore, 0];
  for (let start = 0; start < starts; start++) {
    const drawn = random.fork(`start ${start}`);
    const begin =
      start === 0 ? still : models.map((_, index) => randomPermutations(spec, drawn.fork(`model ${index}`)));
    const found = new FrankWolfe(options, start).run(begin);
    const spread = spreadOf(options, alignAll(found.permutations));
    rounds += found.iterations;
    if (spread < spreadAfter) [permutations, spreadAfter] = [found.permutations, spread];
  }
  return { permutations, merged: meanOf(alignAll(permutations)), rounds, spreadBefore, spreadAfter };
}

/** What brings the model `from` into the order of the model `to`, through the universe. */
export function permutationsBetween(
  spec: PermutationSpec,
  { from, to }: { readonly from: Permutations; readonly to: Permutations },
): Permutations {
  return composePermutations(spec, { first: from, second: invertPermutations(spec, to) });
}

class FrankWolfe {
  readonly #options: CycleConsistentOptions;
  readonly #start: number;
  readonly #gains: readonly RelaxedGains[];

  constructor(options: CycleConsistentOptions, start: number) {
    const { models, layout, spec, product = multiplyRows } = options;
    this.#options = options;
    this.#start = start;
    this.#gains = models.map((weights) => new RelaxedGains({ weights, layout, spec, product }));
  }

  run(begin: readonly Permutations[]): {
    readonly permutations: readonly Permutations[];
    readonly iterations: number;
  } {
    const { models, spec, layout, iterationsMax = ITERATIONS_MAX, onIteration } = this.#options;
    const tensors = comparedTensors(spec, layout);
    let matrices = begin.map(relaxed);
    let mixed = matrices.map((own, index) => this.#gains[index].mixed(own));
    let iterations = 0;
    while (iterations < iterationsMax) {
      iterations++;
      const vertices = this.#vertices(matrices, mixed);
      const ends = vertices.map((permutations, index) =>
        permuteModel({ weights: models[index], layout, spec, permutations }),
      );
      const goals = vertices.map(relaxed);
      const middles = matrices.map((own, index) => this.#gains[index].mixed(between(own, goals[index], 0.5)));
      const polynomial = stepPolynomial(tensors, { begins: mixed, middles, ends });
      const { step, value } = bestStep(polynomial);
      matrices = matrices.map((own, index) => between(own, goals[index], step));
      mixed = matrices.map((own, index) => this.#gains[index].mixed(own));
      onIteration?.({ start: this.#start, iteration: iterations, objective: value });
      if (!(value - polynomial[0] > TOLERANCE * Math.abs(value))) break;
    }
    return { permutations: matrices.map((own) => nearestPermutations(spec, own)), iterations };
  }

  /** For each model, the permutations that gain most against the sum of the other relaxed models. */
  #vertices(
    matrices: readonly RelaxedPermutations[],
    mixed: readonly Float32Array[],
  ): readonly Permutations[] {
    const { spec } = this.#options;
    return matrices.map((own, index) => {
      if (index === this.#start % mixed.length) return nearestPermutations(spec, own);
      const others = Float32Array.from(sumOf(mixed, index));
      const gains = spec.permutations.map(({ name }): [string, Float64Array] => [
        name,
        this.#gains[index].of(name, others, own),
      ]);
      return nearestPermutations(spec, new Map(gains));
    });
  }
}

/** Some of the way from one set of matrices to another. */
function between(from: RelaxedPermutations, to: RelaxedPermutations, share: number): RelaxedPermutations {
  const mixOne = ([name, matrix]: [string, Float64Array]): [string, Float64Array] => {
    const goal = to.get(name) ?? matrix;
    return [name, matrix.map((value, at) => value + share * (goal[at] - value))];
  };
  return new Map([...from].map(mixOne));
}
