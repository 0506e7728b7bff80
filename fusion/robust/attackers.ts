// How many of n members may lie, from a share that is agreed on beforehand.
import { assert } from '../assert.ts';

/** A share of the members below one half, in whole thousandths so that everybody counts alike. */
export interface AttackerShare {
  readonly thousandths: number;
}

/** f = ⌈share · n⌉: a share above zero always allows for one, in however small a generation. */
export function attackersAmong(count: number, { thousandths }: AttackerShare): number {
  assert(Number.isInteger(thousandths) && thousandths >= 0 && thousandths < 500, 'a share is below one half');
  return Math.ceil((count * thousandths) / 1000);
}
