// What a member does when records alone cannot bring it to the others' model: it was away for longer than the
// horizon, or two branches were sealed apart. It copies S and m from the mesh, and keeps the work that nobody has
// acknowledged as residual. This is the one place where a member believes others: it takes the newest state that
// enough of its neighbours name, checks the bytes against that name, and says so.
import type { Hash, PeerId } from '../ports.ts';
import { AWAY_SHARE_MIN, BRANCH_SHARE_MIN } from './constants.ts';
import type { Context } from './context.ts';
import type { DeltaRecord, SnapshotName } from './messages.ts';
import type { HeadState } from './model-head.ts';
import { prefersBranch, voteFor } from './rules.ts';
import { type AdoptedState, fetchState, type StateCopy } from './state-copy.ts';
import { encodeFloor, encodeSnapshotRow, FLOOR_KEY, type SnapshotRow, snapshotKey } from './store-layout.ts';
import type { Neighbour } from './sync.ts';

export interface AdoptionHooks {
  readonly head: () => HeadState | undefined;
  /** The newest complete generation; while generations are applied again, the head is below it. */
  readonly complete: () => number;
  /** Own copies on disk. */
  readonly snapshots: () => readonly SnapshotRow[];
  readonly neighbours: () => ReadonlyMap<PeerId, Neighbour>;
  /** Own records that nobody else has vouched for; their work goes back into the residual. */
  readonly unacknowledged: (records: readonly DeltaRecord[]) => void;
  readonly adopt: (state: AdoptedState, row: SnapshotRow) => void;
}

/** Windows above a generation whose records its verdict rests on in practice: its jury, and the jury of that one. */
const JUDGES_MAX = 2;

export class Adoption {
  readonly #context: Context;
  readonly #hooks: AdoptionHooks;
  #busy = false;
  /** States that were copied and given up for others: no second time, or a member could go round in circles. */
  readonly #left = new Set<Hash>();
  #taken: Hash | undefined;
  constructor(context: Context, hooks: AdoptionHooks) {
    this.#context = context;
    this.#hooks = hooks;
  }

  /** A state is being fetched; nothing should be trained meanwhile. */
  get busy(): boolean {
    return this.#busy;
  }

  /** After a neighbour was heard. */
  consider(): void {
    const head = this.#hooks.head();
    const { set } = this.#context;
    if (this.#busy || head === undefined) return;
    const neighbours = [...this.#hooks.neighbours().values()];
    const complete = Math.max(head.generation, this.#hooks.complete());
    const behind = neighbours.filter(({ head: other }) => complete < other.floor);
    const away = this.#vouchedFor(behind, AWAY_SHARE_MIN);
    if (away !== undefined && away.generation > complete) return this.#fetch(away, 'away for too long');
    if (set.floor > 0) this.#considerBranches(neighbours);
  }

  /**
   * The heavier branch stays, unless it has too few members for anybody to believe them. Where no branch has enough, its
   * members are as few as ours, and it is believed all the same: else they would stay apart for ever.
   */
  #considerBranches(neighbours: readonly Neighbour[]): void {
    const heavier = neighbours.filter((neighbour) => this.#preferred(neighbour) === 'theirs');
    const branch = this.#vouchedFor(heavier, BRANCH_SHARE_MIN);
    if (branch !== undefined) return this.#fetch(branch, 'the other branch has more samples behind it');
    const lighter = neighbours.filter((neighbour) => this.#preferred(neighbour) === 'ours');
    const peers = this.#context.ports.network.peers().length;
    const isAlmostAlone = peers - heavier.length - lighter.length + 1 < BRANCH_SHARE_MIN * peers;
    if (!isAlmostAlone) return;
    const common = this.#vouchedFor(lighter, AWAY_SHARE_MIN);
    if (common !== undefined) return this.#fetch(common, 'hardly anybody is on this branch');
    const isScattered = this.#vouchedFor(lighter, BRANCH_SHARE_MIN) === undefined;
    const any = isScattered ? this.#vouchedFor(heavier, 0) : undefined;
    if (any !== undefined)
      this.#fetch(any, 'no branch has many members, and this one has more samples behind it');
  }

  /**
   * Which branch stays where a neighbour has another state at a generation of which we have a copy. Where neither has
   * sealed that generation, records may still make them equal; unless both hold the same ones, those that judge them too.
   */
  #preferred({ head, sameUpTo }: Neighbour): 'ours' | 'theirs' | undefined {
    if (head.floor === 0) return undefined;
    const own = new Map(this.#hooks.snapshots().map((row) => [row.generation, row]));
    const { set, manifest } = this.#context;
    const judged = sameUpTo - JUDGES_MAX * manifest.history.correctionWindow;
    const apartUpTo = Math.max(head.floor, set.floor, judged);
    for (const theirs of head.snapshots) {
      const ours = own.get(theirs.generation);
      if (ours === undefined || ours.state === theirs.state || theirs.generation > apartUpTo) continue;
      return prefersBranch(ours, theirs);
    }
    return undefined;
  }

  /**
   * The newest state that enough of all connected peers name; who has not been heard yet vouches for nothing. Not one below
   * our floor: what came after it would be refused as sealed.
   */
  #vouchedFor(neighbours: readonly Neighbour[], shareMin: number): SnapshotName | undefined {
    const named = new Map<Hash, { readonly snapshot: SnapshotName; times: number }>();
    for (const snapshot of neighbours.flatMap(({ head }) => head.snapshots)) {
      const entry = named.get(snapshot.state) ?? { snapshot, times: 0 };
      entry.times += 1;
      named.set(snapshot.state, entry);
    }
    const { ports, set } = this.#context;
    const timesMin = Math.max(1, shareMin * ports.network.peers().length);
    return [...named.values()]
      .filter(({ times }) => times >= timesMin)
      .map(({ snapshot }) => snapshot)
      .filter(({ generation, state }) => generation >= set.floor && !this.#left.has(state))
      .sort((a, b) => b.generation - a.generation || (a.state < b.state ? -1 : 1))[0];
  }

  #fetch(snapshot: SnapshotName, why: string): void {
    const { ports, listener } = this.#context;
    this.#busy = true;
    fetchState(this.#context, snapshot, ports.network.peers(), (copy) => {
      this.#busy = false;
      if (copy !== undefined) return this.#take(snapshot, copy, why);
      listener.notice(
        'SNAPSHOT_UNAVAILABLE',
        `the state of generation ${snapshot.generation} could not be had`,
      );
    });
  }

  #take(snapshot: SnapshotName, copy: StateCopy, why: string): void {
    const { ports, tickets, listener, set } = this.#context;
    const { generation, weight } = snapshot;
    if (this.#taken !== undefined) this.#left.add(this.#taken);
    this.#taken = snapshot.state;
    this.#hooks.unacknowledged(this.#unacknowledged(generation));
    set.seal(generation);
    this.#hooks.adopt({ generation, weight, ...copy }, snapshot);
    const batch = [
      { key: snapshotKey(generation), value: encodeSnapshotRow(snapshot) },
      { key: FLOOR_KEY, value: encodeFloor(generation) },
    ];
    ports.store.write(
      batch,
      true,
      tickets.issue(() => {}),
    );
    ports.journal.event('adopt', { generation, state: snapshot.state });
    listener.notice('SNAPSHOT_ADOPTED', `copied the state of generation ${generation} from the mesh: ${why}`);
  }

  /** Own records up to a generation for which no other author has voted. */
  #unacknowledged(upTo: number): readonly DeltaRecord[] {
    const { set, self, manifest } = this.#context;
    return [...set.all()].filter((record) => {
      if (record.author !== self || record.generation > upTo) return false;
      const jury = set.held(record.generation + manifest.history.correctionWindow);
      return !jury.some((juror) => juror.author !== self && juror.votes.has(voteFor(record.id)));
    });
  }
}
