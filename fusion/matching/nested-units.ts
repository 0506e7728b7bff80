// Units that have permutations of their own inside, as attention heads have: which head goes where can only be judged with the
// best order inside, so both are proposed together. It proposes; whether that is better is for the caller to find out.
import { assert } from '../assert.ts';
import { axesByTensor, endOf, isNested, type Segment } from '../symmetry/axis-map.ts';
import type { PermutationSpec, Permutations } from '../symmetry/permutation-spec.ts';
import { assign } from './assignment.ts';
import type { UnitAxis } from './unit-axes.ts';
import { type ModelPair, UnitGains } from './unit-gains.ts';

/** By outer permutation, and by unit of it, the names of the permutations that lie inside that unit wholly. */
export type Nesting = ReadonlyMap<string, ReadonlyMap<number, readonly string[]>>;

export function nestingOf(spec: PermutationSpec): Nesting {
  const nesting = new Map<string, Map<number, string[]>>();
  for (const [inner, outers] of enclosingUnits(spec)) {
    for (const [outer, unit] of outers) {
      const byUnit = nesting.get(outer) ?? new Map<number, string[]>();
      nesting.set(outer, byUnit);
      byUnit.set(unit, [...(byUnit.get(unit) ?? []), inner]);
    }
  }
  return nesting;
}

/** By permutation, the outer ones of which a single unit holds it on every axis, with that unit. */
function enclosingUnits(spec: PermutationSpec): ReadonlyMap<string, ReadonlyMap<string, number>> {
  const enclosing = new Map<string, Map<string, number>>();
  for (const { segments } of [...axesByTensor(spec).values()].flat()) {
    for (const [at, segment] of segments.entries()) {
      const here = new Map<string, number>();
      for (const outer of segments.slice(at + 1)) {
        const unit = unitAround(segment, outer);
        if (unit !== undefined) here.set(outer.permutation, unit);
      }
      const before = enclosing.get(segment.permutation) ?? here;
      const both = [...before].filter(([name, unit]) => here.get(name) === unit);
      enclosing.set(segment.permutation, new Map(both));
    }
  }
  return enclosing;
}

function unitAround(inner: Segment, outer: Segment): number | undefined {
  if (!isNested(inner, outer)) return undefined;
  const unitOf = (entry: number) => Math.floor((entry - outer.start) / outer.block) % outer.size;
  return unitOf(inner.start) === unitOf(endOf(inner) - 1) ? unitOf(inner.start) : undefined;
}

export interface NestedProposal {
  readonly pair: ModelPair;
  readonly axes: ReadonlyMap<string, readonly UnitAxis[]>;
  readonly permutations: Permutations;
  /** The outer permutation, its gains with the inner ones as they are, and the inner ones of each unit. */
  readonly name: string;
  readonly gains: Float64Array;
  readonly inside: ReadonlyMap<number, readonly string[]>;
}

/**
 * The assignment of outer units that is best where each pair of units gets the best order inside it, and those orders. The
 * inner permutations of a unit are taken as independent, as those of queries and keys are of those of values.
 */
export function proposeNested(proposal: NestedProposal): Permutations {
  const { permutations, name, inside } = proposal;
  const size = permutations.get(name)?.length ?? 0;
  const scores = proposal.gains.slice();
  const orders = new Map<number, ReadonlyMap<string, Uint32Array>>();
  for (let i = 0; i < size; i++) {
    for (const [j, names] of inside) {
      const placed = withUnitAt(permutations, { name, unit: j, place: i });
      const best = new Map<string, Uint32Array>();
      for (const inner of names) {
        const { order, rise } = bestOrder(proposal, placed, inner);
        best.set(inner, order);
        scores[i * size + j] += rise;
      }
      orders.set(i * size + j, best);
    }
  }
  const { columnOfRow } = assign({ scores, rows: size, columns: size, goal: 'greatest' });
  const proposed = new Map(permutations).set(name, Uint32Array.from(columnOfRow));
  for (let i = 0; i < size; i++) {
    for (const [inner, order] of orders.get(i * size + columnOfRow[i]) ?? []) proposed.set(inner, order);
  }
  return proposed;
}

/** The best order of one inner permutation, and what it gains over the order that stands. */
function bestOrder({ pair, axes }: NestedProposal, permutations: Permutations, name: string) {
  const order = permutations.get(name);
  assert(order !== undefined, 'an inner permutation has an order');
  const size = order.length;
  const { gains } = new UnitGains(pair, axes.get(name) ?? [], size).at(permutations);
  const { columnOfRow, total } = assign({ scores: gains, rows: size, columns: size, goal: 'greatest' });
  const standing = order.reduce((sum, unit, place) => sum + gains[place * size + unit], 0);
  return { order: Uint32Array.from(columnOfRow), rise: total - standing };
}

/** Two units change places so that one of them comes to stand there. */
function withUnitAt(
  permutations: Permutations,
  { name, unit, place }: { readonly name: string; readonly unit: number; readonly place: number },
): Permutations {
  const order = permutations.get(name)?.slice();
  assert(order !== undefined, 'the outer permutation has an order');
  order[order.indexOf(unit)] = order[place];
  order[place] = unit;
  return new Map(permutations).set(name, order);
}
