// Counts what was refused, by reason. Does not know what a reason means.
import { REFUSAL_REASONS_MAX } from './constants.ts';

export class Refusals {
  readonly #counts = new Map<string, number>();

  count(reason: string): void {
    const known = this.#counts.has(reason) || this.#counts.size < REFUSAL_REASONS_MAX;
    const key = known ? reason : 'other';
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
  }

  /** Reasons in alphabetical order. */
  counts(): Record<string, number> {
    return Object.fromEntries([...this.#counts].sort(([left], [right]) => (left < right ? -1 : 1)));
  }
}
