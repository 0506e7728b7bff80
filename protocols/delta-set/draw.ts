// Who publishes in a generation of a mesh with a contributor target. Nobody knows how many members there are, and
// nobody needs to: ranks are spread evenly, so the ranks of the records that came tell how dense the members lie, and
// who is below (target / members) is drawn. Everything here is a function of ranks and can be checked by anybody; that
// two members see a record more or less only moves the line a little. What holds in any case is the set's own
// rule: at most twice the target of lowest rank are kept.
import type { PeerId } from '../ports.ts';
import { DRAW_RECORDS, DRAW_WINDOW } from './constants.ts';
import type { RecordSet } from './record-set.ts';
import { drawnShare, estimateMembers } from './rules.ts';

/** An estimate and what it rests on. */
interface Known {
  version: number;
  readonly revision: number;
  readonly members: number | undefined;
}

/** Estimates remembered: of the generation that is being filled and the few that others are in already. */
const KNOWN_MAX = 8;

/** The draws of a mesh as one member's set shows them. */
export class Draw {
  readonly #set: RecordSet;
  readonly #target: number | undefined;
  readonly #known = new Map<number, Known>();

  /** Without a target everybody is drawn. */
  constructor(set: RecordSet, target: number | undefined) {
    this.#set = set;
    this.#target = target;
  }

  /** Contributors that a generation should have; `undefined`: whoever wants. */
  get target(): number | undefined {
    return this.#target;
  }

  /** Members as far as the generations before this one tell. */
  members(generation: number): number | undefined {
    const set = this.#set;
    const known = this.#known.get(generation);
    // Asked again and again between two records.
    if (known !== undefined && known.version === set.version) return known.members;
    const first = Math.max(1, generation - 1 - DRAW_WINDOW);
    let revision = 0;
    for (let of = first; of < generation - 1; of++) revision += set.revision(of);
    // Looked at only where the others hold nothing, so that its records change nothing otherwise.
    if (revision === 0) revision = set.revision(generation - 1);
    if (known !== undefined && known.revision === revision) {
      known.version = set.version;
      return known.members;
    }
    const members = this.#estimate(first, generation);
    if (this.#known.size > KNOWN_MAX) this.#known.clear();
    this.#known.set(generation, { version: set.version, revision, members });
    return members;
  }

  /** From the newest generations, as many as it takes: older ones tell of a mesh that may have been smaller. */
  #estimate(first: number, generation: number): number | undefined {
    const newest: (readonly number[])[] = [];
    let count = 0;
    // The last one is not whole yet when the draw is made, and would make the mesh look small.
    for (let of = generation - 2; of >= first && count < DRAW_RECORDS; of--) {
      const ranks = this.#set.ranks(of);
      newest.push(ranks);
      count += ranks.length;
    }
    return estimateMembers(newest) ?? estimateMembers([this.#set.ranks(generation - 1)]);
  }

  share(generation: number): number {
    return this.#target === undefined ? 1 : drawnShare(this.#target, this.members(generation));
  }

  /** Nobody knows yet how many members there are: this generation is to tell. */
  isCensus(generation: number): boolean {
    return this.#target !== undefined && this.members(generation) === undefined;
  }

  /** Whether an author is drawn; `widening` raises the line where a generation found too few. */
  isDrawn(author: PeerId, generation: number, widening = 1): boolean {
    if (this.#target === undefined) return true;
    const share = this.share(generation) * widening;
    return share >= 1 || this.#set.rank(author, generation) < share;
  }

  /** Whether the generation holds the target of lower rank than this author already: its record would be one too many. */
  isCrowdedOut(author: PeerId, generation: number): boolean {
    if (this.#target === undefined) return false;
    const last = this.#set.rankAt(generation, this.#target - 1);
    return last !== undefined && last < this.#set.rank(author, generation);
  }
}
