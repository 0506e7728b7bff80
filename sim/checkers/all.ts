// All checkers, in the order in which they are asked.
import type { Checker } from './checker.ts';
import { equalSets } from './equal-sets.ts';

export type { Checker, Finding, Violation } from './checker.ts';

/** Fresh ones: each remembers what it has seen of one simulation. */
export function allCheckers(): readonly Checker[] {
  return [equalSets()];
}
