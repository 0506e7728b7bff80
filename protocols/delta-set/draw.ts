// Who publishes in a generation of a mesh with a contributor target. Nobody knows how many members there are, and
// nobody needs to: ranks are spread evenly, so the ranks of the records that came tell how dense the members lie, and
// who is below (target / members) is drawn. Everything here is a function of ranks and can be checked by anybody; that
// two members see a record more or less only moves the line a little. What holds in any case is the set's own
// rule: at most twice the target of lowest rank are kept.
import type { PeerId } from '../ports.ts';
import { DRAW_WINDOW } from './constants.ts';
import type { RecordSet } from './record-set.ts';
import { drawnShare, estimateMembers } from './rules.ts';

/** The draws of a mesh as one member's set shows them. */
export class Draw {
  readonly #set: RecordSet;
  readonly #target: number | undefined;
  #memo = { generation: 0, revision: -1, members: undefined as number | undefined };

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
    const first = Math.max(1, generation - 1 - DRAW_WINDOW);
    let revision = 0;
    for (let of = first; of < generation; of++) revision += set.revision(of);
    if (this.#memo.generation !== generation || this.#memo.revision !== revision) {
      const ranks = Array.from({ length: generation - first }, (_, i) => set.ranks(first + i));
      // The last one is not whole yet when the draw is made, and would make the mesh look small.
      const members = estimateMembers(ranks.slice(0, -1)) ?? estimateMembers(ranks.slice(-1));
      this.#memo = { generation, revision, members };
    }
    return this.#memo.members;
  }

  share(generation: number): number {
    return this.#target === undefined ? 1 : drawnShare(this.#target, this.members(generation));
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
