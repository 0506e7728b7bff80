// The shape that all robust means have: steps that mix the members, then a rule that judges them. A judgement is data:
// either one combination of the members, or a function of the values at each coordinate.
import type { ColumnBlock } from './column-pass.ts';
import type { Members, Mixing } from './members.ts';
import type { Change } from './update.ts';

/** What all members of a mesh know beside the updates. */
export interface FuseContext {
  /** For rules that draw: equal at all who must fuse alike, such as the id of the generation. */
  readonly seed?: string;
  /** A change that is trusted, such as the previous generation's, for rules that measure by one. */
  readonly reference?: Change;
}

export interface Step {
  /** In the grammar, with its parameters. */
  readonly name: string;
  /** The fewest members of `count` with which it keeps its promise. */
  needs(count: number): number;
  /** How many it makes of so many. */
  countAfter(count: number): number;
  mix(members: Members, context: FuseContext): Mixing;
}

export interface Rule {
  readonly name: string;
  /** Whether it cannot do without the reference of the context. */
  readonly usesReference?: boolean;
  needs(count: number): number;
  judge(members: Members, context: FuseContext): Verdict;
}

/** The fused change is Σ coefficients[i] xᵢ / divisor. */
export interface Combination {
  readonly kind: 'combination';
  /** One for each member. */
  readonly coefficients: Float64Array;
  readonly divisor: number;
  /** What the rule thought of each member; its docstring says which way is good. */
  readonly scores?: Float64Array;
}

/** The fused change is a function of the members' values at each coordinate. */
export interface Coordinatewise {
  readonly kind: 'coordinatewise';
  /** Numbers of the members that take part, ascending; absent: all. */
  readonly chosen?: readonly number[];
  /** A coordinate that fewer of them name stays put. */
  readonly supportMin: number;
  /** Whether the values of each column ascend; otherwise they stand in the order of the members. */
  readonly sorted: boolean;
  /** Fills out[c] for each column of the block. */
  readonly middle: (block: ColumnBlock, out: Float64Array) => void;
  readonly scores?: Float64Array;
}

/** What makes a coordinate-wise rule that listens to those who report a coordinate. */
export interface SupportOptions {
  /** In the grammar. */
  readonly name: string;
  /** A coordinate that fewer members name stays put. */
  readonly supportMin: number;
}

export type Verdict = Combination | Coordinatewise;
