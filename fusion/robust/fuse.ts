// A named way to fuse a set of updates: alternatives of steps and a rule. The first alternative that has enough members
// for all of its parts is used.
import { FusionError } from '../errors.ts';
import { ChangeMatrix } from './change-matrix.ts';
import { fuseColumns } from './column-pass.ts';
import { MixedMembers } from './members.ts';
import type { FuseContext, Rule, Step, Verdict } from './rule.ts';
import { type Change, changeProblem, checkUpdateSet, nameOf, type UpdateSet } from './update.ts';

/** Steps, then a rule. */
export interface Chain {
  readonly name: string;
  readonly steps: readonly Step[];
  readonly rule: Rule;
}

/** A rule as a manifest may name it. Equal names mean equal arithmetic. */
export interface RobustMean {
  /** Canonical, see `robustMeanNamed`. */
  readonly name: string;
  readonly chains: readonly Chain[];
}

export interface Fused {
  /** Float32; sparse at the places that any update names, dense where one of them is. */
  readonly change: Change;
  /** The name of the alternative that was used. */
  readonly rule: string;
  /**
   * What part each update had, one number an update. Combinations: its coefficient, so that the change is Σ shareᵢ xᵢ.
   * Coordinate-wise rules: its weight, before the rule looked at single coordinates, zero for one that was left out.
   */
  readonly shares: Float64Array;
  /** What the rule thought of each update, where it has an opinion; its page says which way is good. */
  readonly scores: Float64Array | undefined;
}

/**
 * Fuses a set of updates. The result depends on nothing but the arguments, to the bit: float64 operations of IEEE 754
 * without functions in a fixed order, one rounding to float32 at the end (and of mixtures in front of a
 * coordinate-wise rule). Equal scores are told apart by the order of the updates.
 * @throws FusionError MELDMESH_FUSION_TOO_FEW where no alternative has enough members, …_SHAPE, …_NOT_FINITE,
 *   …_SPEC for weights and for a seed or reference that the rule needs
 */
export function fuse(set: UpdateSet, mean: RobustMean, context: FuseContext = {}): Fused {
  checkUpdateSet(set);
  const { steps, rule, name } = enoughFor(mean, set.updates.length);
  const matrix = matrixOf(set, rule.usesReference === true ? referenceOf(set, context, rule) : undefined);
  let members = MixedMembers.of(
    matrix,
    Float64Array.from(set.updates, ({ weight }) => weight),
  );
  let placeOf = Int32Array.from(set.updates.keys());
  for (const step of steps) {
    const mixing = step.mix(members, context);
    placeOf = placeOf.map((member) => mixing.placeOf?.[member] ?? member);
    members = members.mixed(mixing);
  }
  const verdict = rule.judge(members, context);
  const change = carryOut(verdict, matrix, members);
  const { scores } = verdict;
  return {
    change,
    rule: name,
    shares: sharesOf(verdict, members, set.updates.length),
    scores: scores === undefined ? undefined : Float64Array.from(placeOf, (member) => scores[member]),
  };
}

function enoughFor(mean: RobustMean, count: number): Chain {
  let shortage: FusionError | undefined;
  for (const chain of mean.chains) {
    const missing = shortageOf(chain, count);
    if (missing === undefined) return chain;
    shortage ??= new FusionError('MELDMESH_FUSION_TOO_FEW', missing);
  }
  throw shortage ?? new FusionError('MELDMESH_FUSION_SPEC', 'The robust mean has no rule.');
}

/** What a chain lacks with so many updates, as a sentence; `undefined` where they suffice. */
export function shortageOf({ steps, rule }: Chain, updates: number): string | undefined {
  let count = updates;
  for (const part of [...steps, rule]) {
    const needed = part.needs(count);
    if (count < needed) {
      return `${part.name} needs ${needed} updates and has ${count}; add updates, or an alternative such as "/median".`;
    }
    if ('countAfter' in part) count = part.countAfter(count);
  }
  return undefined;
}

function referenceOf(set: UpdateSet, { reference }: FuseContext, { name }: Rule): Change {
  if (reference === undefined) {
    throw new FusionError(
      'MELDMESH_FUSION_SPEC',
      `${name} measures by a reference update, and none was given.`,
    );
  }
  const problem = changeProblem(reference, set.size);
  if (problem !== undefined) throw new FusionError('MELDMESH_FUSION_SHAPE', `The reference ${problem}.`);
  return reference;
}

function matrixOf(set: UpdateSet, reference: Change | undefined): ChangeMatrix {
  const named = set.updates.map(({ places, values }, index) => ({
    places,
    values,
    name: nameOf(set, index),
  }));
  const rows = reference === undefined ? named : [...named, { ...reference, name: 'The reference' }];
  return new ChangeMatrix(rows, set.size);
}

function carryOut(verdict: Verdict, matrix: ChangeMatrix, members: MixedMembers): Change {
  if (verdict.kind === 'combination') {
    return matrix.combine(members.rowOver(verdict.coefficients), verdict.divisor);
  }
  const { coefficients, weights, count } = members;
  const {
    chosen = Array.from({ length: count }, (_, member) => member),
    supportMin,
    sorted,
    middle,
  } = verdict;
  return fuseColumns({ matrix, coefficients, weights, chosen, supportMin, sorted, middle });
}

function sharesOf(verdict: Verdict, members: MixedMembers, updates: number): Float64Array {
  if (verdict.kind === 'combination') {
    return members
      .rowOver(verdict.coefficients)
      .slice(0, updates)
      .map((coefficient) => coefficient / verdict.divisor);
  }
  const says = new Float64Array(members.count);
  let total = 0;
  for (const member of verdict.chosen ?? says.keys()) {
    says[member] = members.weights[member];
    total += says[member];
  }
  return members
    .rowOver(says)
    .slice(0, updates)
    .map((say) => say / total);
}
