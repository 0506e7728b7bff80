// Git Re-Basin, weight matching (Ainsworth, Hayase and Srinivasa, 2023, section 3.2 and algorithm 1): coordinate ascent on the
// inner product of two models, one permutation at a time, each by an exact assignment. It needs no data and runs no model.
import { assert } from '../assert.ts';
import { FusionError } from '../errors.ts';
import type { Permutations } from '../symmetry/permutation-spec.ts';
import { checkPermutations, identityPermutations } from '../symmetry/permutations.ts';
import type { Random } from '../types.ts';
import { type Assignment, assign } from './assignment.ts';
import { type MatrixProduct, multiplyRows } from './matrix-product.ts';
import {
  checkMatchedModels,
  likenessOf,
  type MatchedModels,
  type Matching,
  objectiveScale,
} from './model-pair.ts';
import { type Nesting, nestingOf, proposeNested } from './nested-units.ts';
import { type UnitAxis, unitAxesOf } from './unit-axes.ts';
import { type ModelPair, UnitGains } from './unit-gains.ts';
import { visitingOrder } from './visiting-order.ts';

export interface WeightMatchingOptions extends MatchedModels {
  /** Draws the orders in which permutations are visited. */
  readonly random: Random;
  /** Ascents with orders of their own, of which the one with the highest objective is kept. Default 1. */
  readonly starts?: number;
  /** Default 100; 7 to 28 are usual for the models of the paper. */
  readonly sweepsMax?: number;
  /** Where every ascent begins. Default: all units where they are. */
  readonly initial?: Permutations;
  readonly product?: MatrixProduct;
  /** After each sweep; for progress. */
  readonly onSweep?: (progress: SweepProgress) => void;
}

export interface SweepProgress {
  /** From 0. */
  readonly start: number;
  /** From 1. */
  readonly sweep: number;
  readonly objective: number;
}

const SWEEPS_MAX = 100;
/** A step counts if it gains this share of ‖A‖ ‖B‖: far above the rounding of a float64 sum, far below any real gain. */
const TOLERANCE = 1e-12;

/**
 * For each permutation p in random order: gains of p with the others as they are, an assignment that maximises them, kept if
 * the objective Σ A · π(B) rises. Until a whole sweep changes nothing. The objective never falls; where it ends depends on the
 * order, therefore `starts`. Time for each sweep: one product and one assignment a permutation.
 *
 * Throws a FusionError for models of another size than the layout, weights that are not finite, a spec that does not fit, or
 * an `initial` that does not fit the spec.
 */
export function matchWeights(options: WeightMatchingOptions): Matching {
  const { spec, random, starts = 1, initial, onSweep, sweepsMax = SWEEPS_MAX } = options;
  checkMatchedModels(options);
  if (initial !== undefined) checkPermutations(spec, initial);
  if (!(Number.isSafeInteger(starts) && starts >= 1)) {
    throw new FusionError('MELDMESH_FUSION_SPEC', `weight matching needs one start or more, not ${starts}`);
  }
  const ascent = new Ascent(options);
  const before = likenessOf(options);
  const origin = likenessOf(options, initial).objective;
  let best: Ascended | undefined;
  for (let start = 0; start < starts; start++) {
    const orders = random.fork(`start ${start}`);
    const ended = ascent.climb({
      initial: new Map([...identityPermutations(spec), ...(initial ?? [])]),
      random: orders,
      sweepsMax,
      onSweep: (sweep, rise) => onSweep?.({ start, sweep, objective: origin + rise }),
    });
    if (best === undefined || ended.rise > best.rise) best = ended;
  }
  const { permutations, sweeps } = best ?? { permutations: new Map(), sweeps: 0 };
  return { permutations, before, after: likenessOf(options, permutations), sweeps };
}

interface Climb {
  readonly initial: Permutations;
  readonly random: Random;
  readonly sweepsMax: number;
  readonly onSweep: (sweep: number, rise: number) => void;
}

interface Ascended {
  readonly permutations: Permutations;
  /** Of the objective, since `initial`. */
  readonly rise: number;
  readonly sweeps: number;
}

/** What all starts share: the gains, of which each start finds some still true, and the last assignments. */
class Ascent {
  readonly #models: MatchedModels;
  readonly #pair: ModelPair;
  readonly #axes: ReadonlyMap<string, readonly UnitAxis[]>;
  readonly #nesting: Nesting;
  /** By outer permutation, the order that no proposal was better than. */
  readonly #refused = new Map<string, Uint32Array>();
  readonly #gains = new Map<string, UnitGains>();
  readonly #answers = new Map<string, Assignment>();
  /** Names of permutations whose gains depend on themselves. */
  readonly #quadratic = new Set<string>();
  readonly #riseMin: number;

  constructor(options: WeightMatchingOptions) {
    const { reference, model, layout, spec, product = multiplyRows } = options;
    this.#models = options;
    const room = { left: new Float32Array(0), right: new Float32Array(0) };
    this.#pair = { reference, model, product, room };
    this.#axes = unitAxesOf(spec, layout);
    this.#nesting = nestingOf(spec);
    this.#riseMin = TOLERANCE * objectiveScale(options);
    for (const { name, size } of spec.permutations) {
      const own = this.#axes.get(name) ?? [];
      this.#gains.set(name, new UnitGains(this.#pair, own, size));
      if (isQuadratic(own)) this.#quadratic.add(name);
    }
  }

  climb({ initial, random, sweepsMax, onSweep }: Climb): Ascended {
    const names = this.#models.spec.permutations.map(({ name }) => name);
    let permutations = initial;
    let rise = 0;
    for (let sweep = 1; sweep <= sweepsMax; sweep++) {
      const riseBefore = rise;
      for (const at of visitingOrder(names.length, random)) {
        const name = names[at];
        const step = this.#step(name, permutations);
        if (step === undefined) continue;
        permutations = step.permutations;
        rise += step.rise;
      }
      onSweep(sweep, rise);
      if (rise === riseBefore) return { permutations, rise, sweeps: sweep };
    }
    return { permutations, rise, sweeps: sweepsMax };
  }

  /** `undefined` where the best assignment is no better than what stands. */
  #step(name: string, permutations: Permutations): Omit<Ascended, 'sweeps'> | undefined {
    const [ownGains, from] = [this.#gains.get(name), permutations.get(name)];
    assert(
      ownGains !== undefined && from !== undefined,
      'every permutation of the spec has gains and a place',
    );
    const { gains, isSame } = ownGains.at(permutations);
    const inside = this.#nesting.get(name);
    if (inside !== undefined) {
      if (isSame && this.#refused.get(name) === from) return undefined;
      const [pair, axes] = [this.#pair, this.#axes];
      const moved = proposeNested({ pair, axes, permutations, name, gains, inside });
      const step = this.#accepted(moved, this.#riseOf(permutations, moved));
      if (step === undefined) this.#refused.set(name, from);
      return step;
    }
    const to = Uint32Array.from(this.#answerTo(name, gains, isSame).columnOfRow);
    const moved = new Map(permutations).set(name, to);
    const isQuadratic = this.#quadratic.has(name);
    return this.#accepted(
      moved,
      isQuadratic ? this.#riseOf(permutations, moved) : ownGains.riseOf({ from, to }),
    );
  }

  #accepted(permutations: Permutations, rise: number): Omit<Ascended, 'sweeps'> | undefined {
    return rise > this.#riseMin ? { permutations, rise } : undefined;
  }

  #riseOf(from: Permutations, to: Permutations): number {
    return likenessOf(this.#models, to).objective - likenessOf(this.#models, from).objective;
  }

  /** The best assignment for these gains. The prices of the last one shorten the search, where few gains have changed. */
  #answerTo(name: string, gains: Float64Array, isSame: boolean): Assignment {
    const last = this.#answers.get(name);
    if (last !== undefined && isSame) return last;
    const size = Math.sqrt(gains.length);
    const startPrices = last?.columnPrices;
    const answer = assign({ scores: gains, rows: size, columns: size, goal: 'greatest', startPrices });
    this.#answers.set(name, answer);
    return answer;
  }
}

/** True where a permutation is on two axes of one tensor, like the recurrent kernel of an LSTM: its gains assume where it is. */
function isQuadratic(axes: readonly UnitAxis[]): boolean {
  const namesOf = ({ others }: UnitAxis) =>
    others.flatMap(({ segments }) => segments.map((each) => each.permutation));
  return axes.some((axis) => namesOf(axis).includes(axis.segment.permutation));
}
