// Stories of a mesh with a contributor target: more peers than a generation needs.
import assert from 'node:assert/strict';
import type { ScenarioInput, SimResult, Simulation } from '../../sim/index.ts';
import { bowlSimulation } from './bowls.ts';

const TARGET = 8;

interface Story {
  readonly result: SimResult;
  /** Authors counted in each generation, by the first peer that is there at the end. */
  readonly authors: readonly (readonly string[])[];
}

const known = new Map<ScenarioInput, Promise<Story>>();

/** One run for each scenario object. */
function story(input: ScenarioInput): Promise<Story> {
  const told = known.get(input) ?? tell(input);
  known.set(input, told);
  return told;
}

async function tell(input: ScenarioInput): Promise<Story> {
  const simulation: Simulation = bowlSimulation({
    ...input,
    manifest: { pace: { contributorsTarget: TARGET } },
  });
  const result = await simulation.run();
  assert.equal(result.violation, undefined, result.violation?.text);
  assert(result.agreed, `not agreed after ${result.virtualSeconds} s`);
  assert.equal(new Set(result.peers.map(({ digest }) => digest)).size, 1);
  const set = simulation.peers.find(({ machine }) => machine !== undefined)?.machine?.set;
  const { generations } = simulation.scenario.end;
  const authors = Array.from({ length: generations }, (_, i) =>
    (set?.counted(i + 1) ?? []).map(({ author }) => author),
  );
  return { result, authors };
}

/** Twenty generations: who has two chances in five each time is drawn once, but for one in thirty thousand. */
const SMALL = { name: 'drawn', peers: 20, end: { generations: 20 } };

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

describe('a mesh with a contributor target of 8', () => {
  it('has about eight contributors a generation, and everybody is one sooner or later', async function () {
    this.timeout(60_000);
    const { authors } = await story(SMALL);
    // The first generation tells how many there are; twice the target of it are kept.
    assert(authors[0].length <= 2 * TARGET);
    const count = mean(authors.slice(1).map(({ length }) => length));
    assert(count > 5 && count < 11, `${count} a generation`);
    assert(new Set(authors.flat()).size >= 19, `${new Set(authors.flat()).size} were drawn`);
  });

  it('costs a peer as many bytes of gossip among forty as among twenty', async function () {
    this.timeout(60_000);
    const gossip: number[] = [];
    for (const world of [SMALL, { ...SMALL, peers: 40 }]) {
      const { result } = await story(world);
      gossip.push(mean(result.peers.map(({ bytesIn }) => bytesIn.gossip)));
    }
    assert(gossip[1] < 1.35 * gossip[0], `${gossip[0]} and ${gossip[1]} bytes`);
  });

  it('goes on under churn and loss, and agrees afterwards', async function () {
    this.timeout(60_000);
    const { authors } = await story({
      name: 'churn',
      peers: 30,
      network: { latencyMs: [0, 500], loss: 0.1 },
      faults: [{ kind: 'churn', fromMs: 3_000, untilMs: 30_000, everyMs: [500, 2_000] }],
      end: { generations: 16 },
    });
    assert(authors.every(({ length }) => length >= 1 && length <= 2 * TARGET));
  });

  it('does not stall when three of four peers vanish for good', async function () {
    this.timeout(60_000);
    const faults = Array.from({ length: 24 }, (_, i) => ({
      kind: 'kill' as const,
      peer: 8 + i,
      atMs: 20_000,
      restartMs: 128_000,
    }));
    const { result } = await story({ name: 'vanish', peers: 32, faults, end: { generations: 16 } });
    const reached = result.history.filter(({ atMs }) => atMs < 118_000).map(({ generation }) => generation);
    assert(Math.max(...reached) >= 14, `generation ${Math.max(...reached)} before they came back`);
  });

  it('asks everybody where there are fewer', async function () {
    this.timeout(60_000);
    const { authors } = await story({ name: 'few', peers: 5, end: { generations: 10 } });
    assert(mean(authors.map(({ length }) => length)) > 4.5, authors.map(({ length }) => length).join());
  });
});
