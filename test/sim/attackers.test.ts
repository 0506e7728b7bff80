// Every kind of attacker in a small mesh: the honest members end with one model, nothing that must never be happens, and
// the attack was really there.
import assert from 'node:assert/strict';
import type { DeltaRecord } from '../../protocols/index.ts';
import { ATTACKER_KINDS, type ScenarioInput, type SimResult, type Simulation } from '../../sim/index.ts';
import { bowlSimulation } from './bowls.ts';

const PEERS = 8;
const LIARS = [2, 6];
const FROM = 3;

interface Run {
  readonly simulation: Simulation;
  readonly result: SimResult;
}

interface Story {
  /** What happens to the honest, as the end of a sentence. */
  readonly happens: string;
  readonly world?: Partial<ScenarioInput>;
  /** `quiet` is the same world, in which the liars never begin. */
  readonly shows: (run: Run, quiet: Run) => void;
}

async function runWith(
  kind: string,
  fromGeneration: number,
  world: Partial<ScenarioInput> = {},
): Promise<Run> {
  const simulation = bowlSimulation({
    name: 'attackers',
    peers: PEERS,
    seed: 'attackers',
    attackers: [{ kind, peers: LIARS, fromGeneration }],
    ...world,
    end: { generations: 16, maxMs: 900_000, ...world.end },
  });
  return { simulation, result: await simulation.run() };
}

const lossOf = ({ result }: Run): number => result.peers[0].loss ?? assert.fail('bowls have a loss');

/** How often honest peers refused something for this reason. */
const refusals = ({ result }: Run, reason: string): number =>
  result.peers
    .filter(({ attacker }) => attacker === undefined)
    .reduce((sum, { refused }) => sum + (refused[reason] ?? 0), 0);

/** Records of the liars that an honest peer holds. */
function lies({ simulation }: Run): readonly DeltaRecord[] {
  const liars = new Set(LIARS.map((i) => simulation.peers[i].id));
  const held = [...(simulation.peers[0].machine?.set.all() ?? [])];
  return held.filter(({ author, generation }) => liars.has(author) && generation >= FROM);
}

const countedLies = (run: Run): number => {
  const set = run.simulation.peers[0].machine?.set;
  return lies(run).filter(({ id, generation }) => set?.counted(generation).some((each) => each.id === id))
    .length;
};

const linksOfLiars = ({ result }: Run): number =>
  result.topology.filter(({ a, b }) => LIARS.includes(a) !== LIARS.includes(b)).length;

const movedAway = (times: number) => (run: Run, quiet: Run) =>
  assert(lossOf(run) > times * lossOf(quiet), `${lossOf(run)} instead of ${lossOf(quiet)}`);

const STORIES: Readonly<Record<string, Story>> = {
  'sign-flip': { happens: 'are led away', shows: movedAway(2) },
  scaled: { happens: 'are led away', shows: movedAway(4) },
  gaussian: { happens: 'lose the way', shows: movedAway(20) },
  'label-flip': {
    happens: 'are drawn to the false labels',
    shows: (run, quiet) => assert.notEqual(lossOf(run), lossOf(quiet)),
  },
  'little-is-enough': { happens: 'are led away', shows: movedAway(4) },
  'inner-product': {
    happens: 'go on more slowly',
    shows: (run, quiet) => assert.notEqual(lossOf(run), lossOf(quiet)),
  },
  'free-rider': {
    happens: 'come to the mean of those who train, without the riders',
    shows: (run, quiet) => assert(lossOf(run) < lossOf(quiet)),
  },
  'false-samples': {
    happens: 'weigh the claims as if they were true',
    shows: (run) => assert(lies(run).every(({ samples }) => samples >= 20 * 100)),
  },
  replay: {
    happens: 'ignore old records and take old payloads for new deltas',
    world: { compute: { roundMs: 9_000 } },
    shows: (run, quiet) => {
      assert(refusals(run, 'duplicate') > refusals(quiet, 'duplicate'));
      const payloads = lies(run).map(({ payload }) => payload);
      assert(new Set(payloads).size < payloads.length, 'one payload in several records');
    },
  },
  equivocation: {
    happens: 'notice and count neither record',
    shows: (run) => {
      assert(run.result.lanes.some(({ kind, peer }) => kind === 'equivocation' && !LIARS.includes(peer)));
      assert(lies(run).length >= 16, 'both records come to everybody');
      assert.equal(countedLies(run), 0);
    },
  },
  withhold: {
    happens: 'correct their models, and give no weight to what came too late',
    shows: (run) => {
      const corrected = run.result.lanes.filter(({ kind, peer }) => kind === 'corrected' && peer === 0);
      assert(corrected.length > 0);
      assert(countedLies(run) < lies(run).length);
    },
  },
  'lying-heads': {
    happens: 'go on as if nobody had said anything',
    shows: ({ result }, quiet) => {
      assert.notEqual(result.traceHash, quiet.result.traceHash, 'other bytes went over the wire');
      assert(!result.lanes.some(({ kind }) => kind === 'adopted' || kind === 'forced'));
    },
  },
  malformed: {
    happens: 'reject them at the door',
    shows: (run) => assert(refusals(run, 'malformed') > 10 && refusals(run, 'bad-signature') > 0),
  },
  oversized: {
    happens: 'reject them by their size',
    shows: (run, quiet) => {
      assert(refusals(run, 'payload-size') > 0);
      assert(linksOfLiars(run) < linksOfLiars(quiet), 'who sends such things is refused');
    },
  },
  flood: {
    happens: 'keep two records of an author, and no more',
    world: { end: { generations: 24 } },
    shows: (run) => assert(refusals(run, 'surplus') > 300),
  },
  'slow-loris': {
    happens: 'are slowed down and get there',
    // Every payload is pulled, and those of the liars from themselves, before others have them.
    world: { manifest: { limits: { inlineBytes: 0 } }, checks: { patienceMs: 600_000 } },
    shows: (run, quiet) => assert(run.result.virtualSeconds > 1.5 * quiet.result.virtualSeconds),
  },
  eclipse: {
    happens: 'have the surrounded one back afterwards',
    shows: ({ simulation, result }) => {
      const atMs = (peer: number, generation: number): number =>
        result.history.find((row) => row.peer === peer && row.generation === generation)?.atMs ?? 0;
      const digestAt = (peer: number): string | undefined =>
        result.history.find((row) => row.peer === peer && row.generation === FROM + 4)?.digest;
      assert(atMs(0, FROM + 4) > 0 && simulation.hasAgreed);
      assert.notEqual(digestAt(0), digestAt(1), 'it went another way for a while');
    },
  },
};

const quietRuns = new Map<string, Promise<Run>>();

function quietRun(world: Partial<ScenarioInput> = {}): Promise<Run> {
  const key = JSON.stringify(world);
  const run = quietRuns.get(key) ?? runWith('sign-flip', 1_000, world);
  quietRuns.set(key, run);
  return run;
}

describe('honest members among two attackers of eight', () => {
  for (const { name } of ATTACKER_KINDS) {
    const story = STORIES[name];
    it(`${story?.happens}, and agree (${name})`, async () => {
      const [run, again] = [await runWith(name, FROM, story.world), await runWith(name, FROM, story.world)];
      assert.equal(run.result.violation, undefined, run.result.violation?.text);
      assert(run.result.agreed, run.result.peers.map(({ generation }) => generation).join(' '));
      assert.equal(run.result.traceHash, again.result.traceHash);
      story.shows(run, await quietRun(story.world));
    });
  }

  it('are told what each kind does', () => {
    assert.deepEqual(ATTACKER_KINDS.map(({ name }) => name).sort(), Object.keys(STORIES).sort());
    for (const { about } of ATTACKER_KINDS) assert(about.length > 40);
  });
});
