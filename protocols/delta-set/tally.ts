// What of a generation has come and what is missing, kept so that one more record costs as little as it changes: a mesh of
// many contributors looks after each arrival. All weights are whole or halves, so adding and taking away is exact.
import type { PeerId } from '../ports.ts';
import { changeBetween } from './change.ts';
import type { Judged } from './jury.ts';

/** Whom a tally is measured against; see `Live`. */
export interface Claims {
  readonly samples: ReadonlyMap<PeerId, number>;
  readonly slow?: ReadonlyMap<PeerId, number>;
  readonly weightMax?: number;
}

export class Tally {
  readonly #claims: Claims;
  readonly #weightMax: number;
  #records: readonly Judged[] = [];
  #have = 0;
  #absent: number;
  #absentSamples = 0;

  constructor(claims: Claims) {
    this.#claims = claims;
    this.#weightMax = claims.weightMax ?? Number.POSITIVE_INFINITY;
    this.#absent = claims.samples.size;
    for (const claimed of claims.samples.values()) this.#absentSamples += Math.min(claimed, this.#weightMax);
    for (const claimed of claims.slow?.values() ?? [])
      this.#absentSamples += Math.min(claimed, this.#weightMax);
  }

  /** What the records weigh. */
  get have(): number {
    return this.#have;
  }

  /** How many of those to be waited for are missing. */
  get absent(): number {
    return this.#absent;
  }

  /** What all who are missing weigh, the slow ones too. */
  get absentSamples(): number {
    return this.#absentSamples;
  }

  /** The same tally, of these records now: at most one of an author. */
  follow(records: readonly Judged[]): this {
    const { first, lastBefore, lastAfter } = changeBetween(this.#records, records);
    for (let i = first; i < lastBefore; i++) this.#count(this.#records[i], -1);
    for (let i = first; i < lastAfter; i++) this.#count(records[i], 1);
    this.#records = records;
    return this;
  }

  #count({ author, samples }: Judged, sign: 1 | -1): void {
    this.#have += sign * Math.min(samples, this.#weightMax);
    const claimed = this.#claims.samples.get(author);
    if (claimed !== undefined) this.#absent -= sign;
    const missed = claimed ?? this.#claims.slow?.get(author) ?? 0;
    this.#absentSamples -= sign * Math.min(missed, this.#weightMax);
  }
}
