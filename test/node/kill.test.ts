// The promise of the store, kept by a real process: one member of a mesh of four is killed again and again, at
// chosen writes and at any moment, and comes back each time as the one that it was.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../../fusion/index.ts';
import { loadIdentity } from '../../node/index.ts';
import {
  contentsOf,
  joinMesh,
  type Member,
  manifestOf,
  repeatedGenerations,
  type StoreContents,
  writeManifest,
} from './support/meshes.ts';
import {
  cleanUp,
  digestsOf,
  type JournalLine,
  journalOf,
  reached,
  temporaryFolder,
  until,
  within,
} from './support/processes.ts';

/**
 * Alone, three members wait a second and longer and longer for the fourth, so that a kill costs the mesh a few
 * generations, and a machine that is busy costs the victim none.
 */
const manifest = manifestOf({
  name: 'kill',
  pace: { contributorsMin: 4, patience: 1, patienceMinMs: 1_000, patienceMaxMs: 8_000 },
  history: { horizon: 10_000 },
});
const DIGITS = 160;

/** At which write the victim ends, or after how long: a share of a second since its start or since it was back. */
type Kill = { readonly at: string } | { readonly anyTimeAfter: 'start' | 'return' };
const kills: readonly Kill[] = [
  { at: 'during-mesh-write:1' },
  { at: 'after-own-write:1' },
  { anyTimeAfter: 'return' },
  { at: 'after-own-write:2' },
  { anyTimeAfter: 'start' },
  { at: 'during-own-write:1' },
  { at: 'after-own-write:1' },
  { at: 'after-record-write:4' },
  { anyTimeAfter: 'return' },
  { at: 'before-own-write:1' },
  { at: 'after-own-write:3' },
  { at: 'during-own-write:2' },
  { anyTimeAfter: 'start' },
  { at: 'after-own-write:1' },
  { at: 'during-head-write:2' },
  { at: 'after-own-write:1' },
  { anyTimeAfter: 'return' },
  { at: 'during-own-write:1' },
  { at: 'after-own-write:2' },
  { anyTimeAfter: 'return' },
];

describe('a member that is killed twenty times', function () {
  this.timeout(600_000);
  after(cleanUp);

  it('resumes at its digest, contributes again, and never signs two records for one generation', async () => {
    const mesh = await Mesh.found();
    const counts = { resumed: 0, corrected: 0, unseen: 0, contributed: [0, 0, 0], silent: 0 };
    let before: StoreContents = { head: undefined, own: undefined, records: [] };
    for (const kill of kills) {
      const life = await mesh.liveUntil(kill);
      checkResumed(life, before, counts);
      const now = await contentsOf(mesh.victimStore);
      checkContributed({ life, before, now, kill, mesh }, counts);
      const kept = new Set(now.records.map(({ id }) => id as string));
      assert.deepEqual(
        mesh.heardOfVictim().filter((id) => !kept.has(id)),
        [],
        'what it has said is on its disk',
      );
      before = now;
    }
    const life = await mesh.liveOn(before);
    checkResumed(life, before, counts);
    // Kills at chosen writes leave time for both; what is killed earlier shows neither.
    assert(counts.resumed + counts.corrected >= 10, JSON.stringify(counts));
    assert(counts.contributed.reduce((sum, each) => sum + each) >= 8, JSON.stringify(counts));
    await mesh.agree(life.since);
    const stores = await mesh.stop();
    const victims = await contentsOf(mesh.victimStore);
    const own = victims.records.filter((record) => record.author === mesh.victim);
    // Ascending by generation; the newest ones may have been under way when all were stopped.
    const wanted = own.slice(0, -3);
    for (const store of [...stores, mesh.victimStore]) {
      const { records } = await contentsOf(store);
      assert.deepEqual(repeatedGenerations(records), []);
      assert.deepEqual(missingOf(wanted, records), [], 'the others hold all that it wrote');
      const lines = journalOf(store);
      assert(!lines.some(({ msg, code }) => msg === 'equivocation' || code === 'EQUIVOCATION'));
    }
    const generations = Math.max(...victims.records.map((record) => record.generation));
    const [same, next, second] = counts.contributed;
    console.log(
      `      ${kills.length} kills, ${kills.filter((kill) => 'at' in kill).length} of them at chosen writes: ` +
        `resumed at the digest ${counts.resumed} times (${counts.corrected} with a late delta, ${counts.unseen} ` +
        `killed before), contributed at once ${same}, one generation later ${next}, two later ${second}, killed ` +
        `before ${counts.silent}; ${own.length} records of its own in ${generations} generations, none doubled`,
    );
  });
});

interface Life {
  /** When the process was started. */
  readonly since: number;
  /** What its journal said in this life. */
  readonly lines: readonly JournalLine[];
}

interface Counts {
  resumed: number;
  corrected: number;
  unseen: number;
  readonly contributed: number[];
  silent: number;
}

/** The first model that it had at the old generation is the old model, but for a delta that came late. */
function checkResumed(life: Life, { head, records }: StoreContents, counts: Counts): void {
  if (head === undefined || head.generation === 0) return;
  const at = life.lines.findIndex(({ msg, generation }) => msg === 'fused' && generation === head.generation);
  const known = new Set(records.map((record) => record.id as string));
  const heard = life.lines.slice(0, Math.max(0, at)).filter(({ msg, generation = 0, id = '' }) => {
    return msg === 'add' && generation <= head.generation && !known.has(id);
  });
  if (at < 0) counts.unseen += 1;
  else if (life.lines[at].model === head.model) counts.resumed += 1;
  else {
    assert.notDeepEqual(heard, [], `resumes at another digest at generation ${head.generation}`);
    counts.corrected += 1;
  }
}

/** Its next record belongs to one of the two generations after the one where it found the mesh. */
function checkContributed(
  story: {
    readonly life: Life;
    readonly before: StoreContents;
    readonly now: StoreContents;
    readonly kill: Kill;
    readonly mesh: Mesh;
  },
  counts: Counts,
): void {
  const { life, before, now, kill, mesh } = story;
  const served = before.own?.generation ?? 0;
  const next = now.records.find((record) => record.author === mesh.victim && record.generation > served);
  const back = life.lines.find(({ msg, phase }) => msg === 'phase' && phase === 'running');
  if (next === undefined || back === undefined) {
    const expected = 'at' in kill && /^after-own-write/.test(kill.at);
    assert(!expected, `it ended after writing a record, but there is none above generation ${served}`);
    counts.silent += 1;
    return;
  }
  const later = next.generation - mesh.generationAt(back.time) - 1;
  assert(later <= 1, `it contributed to generation ${next.generation}, ${later + 1} after it was back`);
  counts.contributed[Math.max(0, later)] += 1;
}

function missingOf(wanted: StoreContents['records'], held: StoreContents['records']): readonly number[] {
  const ids = new Set(held.map((record) => record.id));
  return wanted.filter((record) => !ids.has(record.id)).map((record) => record.generation);
}

/** Three members that live and one that does not. */
class Mesh {
  readonly victimStore: string;
  readonly victim: string;
  readonly #others: readonly Member[];
  readonly #invitation: string;
  readonly #random = createRandom('kill test');
  #lives = 0;
  #last: Member | undefined;

  constructor(options: {
    readonly victimStore: string;
    readonly victim: string;
    readonly others: readonly Member[];
    readonly invitation: string;
  }) {
    this.victimStore = options.victimStore;
    this.victim = options.victim;
    this.#others = options.others;
    this.#invitation = options.invitation;
  }

  static async found(): Promise<Mesh> {
    const folder = temporaryFolder();
    const member = (index: number, how: readonly string[]): Member =>
      joinMesh({
        store: join(folder, `member-${index}`),
        how,
        digits: { first: index * DIGITS, count: DIGITS },
        more: ['--seed', `member ${index}`],
      });
    const founder = member(0, ['--manifest', writeManifest(folder, manifest)]);
    const { invitation } = await reached(
      founder,
      'the founder listens',
      ({ addresses }) => addresses.length > 0,
    );
    const others = [founder, member(1, [invitation]), member(2, [invitation])];
    for (const other of others.slice(1))
      await reached(other, 'it has met the founder', ({ peers }) => peers.length > 0);
    const victimStore = join(folder, 'victim');
    const { peerId: victim } = await loadIdentity({ folder: victimStore });
    return new Mesh({ victimStore, victim, others, invitation });
  }

  /** The newest generation of the others at a moment. */
  generationAt(time: number): number {
    const seen = this.#others.flatMap(({ store }) => journalOf(store));
    return seen.reduce(
      (newest, { msg, generation = 0, time: at }) =>
        msg === 'fused' && at <= time ? Math.max(newest, generation) : newest,
      0,
    );
  }

  /** Records of the victim that any of the others has. */
  heardOfVictim(): readonly string[] {
    const lines = this.#others.flatMap(({ store }) => journalOf(store));
    return lines.flatMap(({ msg, author, id }) => {
      return msg === 'add' && author === this.victim && id !== undefined ? [id] : [];
    });
  }

  /** One life of the victim, from its start to its violent end. */
  async liveUntil(kill: Kill): Promise<Life> {
    const since = Date.now();
    const victim = this.#start('at' in kill ? { MELDMESH_FAILPOINT: kill.at } : {});
    if ('anyTimeAfter' in kill) {
      const waitMs = 1_500 * this.#random.float();
      if (kill.anyTimeAfter === 'return') await until(() => this.#isBack(since), 'the victim is back');
      await sleep(waitMs);
      victim.running.child.kill('SIGKILL');
    }
    const { signal } = await within(victim.running.ended, `the victim ends by ${JSON.stringify(kill)}`);
    assert.equal(signal, 'SIGKILL', victim.running.output() + victim.running.errors());
    return { since, lines: this.#linesSince(since) };
  }

  /** The last life: nothing ends it, and it contributes. */
  async liveOn({ own }: StoreContents): Promise<Life> {
    const since = Date.now();
    this.#last = this.#start({});
    const enough = (own?.generation ?? 0) + 3;
    await reached(this.#last, 'the victim lives on', ({ generation }) => generation >= enough);
    return { since, lines: this.#linesSince(since) };
  }

  /** All four have one digest at a generation that was completed after that moment. */
  async agree(since: number): Promise<void> {
    const stores = this.#all().map(({ store }) => store);
    const first = this.generationAt(since) + 3;
    await until(() => {
      const digests = stores.map((store) => digestsOf(journalOf(store)));
      const last = Math.min(...digests.map((each) => Math.max(...each.keys())));
      return last >= first && new Set(digests.map((each) => each.get(last))).size === 1;
    }, 'all four have one digest');
  }

  /** Ends everybody in good order; the stores of the other three. */
  async stop(): Promise<readonly string[]> {
    for (const { running } of this.#all()) running.child.kill('SIGTERM');
    for (const { running } of this.#all()) {
      const { status } = await within(running.ended, 'a member stops when it is told to');
      assert.equal(status, 0, running.errors());
    }
    return this.#others.map(({ store }) => store);
  }

  #all(): readonly Member[] {
    assert(this.#last !== undefined);
    return [...this.#others, this.#last];
  }

  /** The first two starts need the invitation, for the first is killed before the store knows its mesh. */
  #start(env: NodeJS.ProcessEnv): Member {
    this.#lives += 1;
    const isKnown = this.#lives > 2;
    return joinMesh({
      store: this.victimStore,
      how: isKnown ? [] : [this.#invitation],
      digits: isKnown ? undefined : { first: 3 * DIGITS, count: DIGITS },
      more: isKnown ? [] : ['--seed', 'victim'],
      process: { env },
    });
  }

  #isBack(since: number): boolean {
    return this.#linesSince(since).some(({ msg, phase }) => msg === 'phase' && phase === 'running');
  }

  #linesSince(since: number): readonly JournalLine[] {
    return journalOf(this.victimStore).filter(({ time }) => time >= since);
  }
}
