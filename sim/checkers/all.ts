// All checkers, in the order in which they are asked.
import type { Checker } from './checker.ts';
import { conservation } from './conservation.ts';
import { equalSets } from './equal-sets.ts';
import { forward } from './forward.ts';
import { healing } from './healing.ts';
import { limits } from './limits.ts';
import { noStall } from './no-stall.ts';
import { oneRecord } from './one-record.ts';
import { storePromise } from './store-promise.ts';

export type { Checker, Finding, Violation } from './checker.ts';

/** Fresh ones: each remembers what it has seen of one simulation. */
export function allCheckers(): readonly Checker[] {
  return [
    equalSets(),
    forward(),
    oneRecord(),
    conservation(),
    limits(),
    storePromise(),
    healing(),
    noStall(),
  ];
}
