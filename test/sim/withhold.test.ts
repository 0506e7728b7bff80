// Members that keep their deltas back and then say them all at once: what that costs the honest ones, at its worst moment.
import assert from 'node:assert/strict';
import { bowlMembers } from '../../cli/sim/bowls.ts';
import { bowlHost, parseScenario, Simulation } from '../../sim/index.ts';
import { type Falls, watchFalls } from './falls.ts';

const GENERATIONS = 18;
/** Points of a hundred on the way to the best model; a mesh without liars overshoots by some of them. */
const FALL_MAX = 0.02;

async function fallsWith(liars: readonly number[], seed: string): Promise<Falls> {
  const parsed = parseScenario({
    name: 'withhold',
    seed,
    peers: 10,
    manifest: { model: 'mlp:8', data: { inputs: 6, classes: 2 }, codec: 'top10:8' },
    attackers: liars.length === 0 ? [] : [{ kind: 'withhold', peers: [...liars], fromGeneration: 4 }],
    end: { generations: GENERATIONS },
  });
  assert('scenario' in parsed);
  const { scenario } = parsed;
  const simulation = new Simulation(scenario, { work: bowlHost(scenario).work });
  const { evaluate } = bowlMembers(simulation);
  const falls = watchFalls(simulation, (model) => evaluate(model).accuracy);
  const result = await simulation.run();
  assert(result.violation === undefined, result.violation?.text);
  assert(result.agreed);
  return falls;
}

describe('three generations kept back and published at once', () => {
  for (const seed of ['a', 'b']) {
    it(`by one or two of ten cost no more than two points for a moment (${seed})`, async () => {
      const quiet = await fallsWith([], seed);
      assert.equal(quiet.corrections, 0);
      for (const liars of [[3], [3, 7]]) {
        const { largest, generation, corrections, scores } = await fallsWith(liars, seed);
        assert(corrections > 8, `${corrections} corrections`);
        const more = largest - quiet.largest;
        assert(more <= FALL_MAX, `${liars.length} liars: ${100 * more} points at generation ${generation}`);
        assert((scores.get(GENERATIONS) ?? 0) > 0.85, `${scores.get(GENERATIONS)} in the end`);
      }
    });
  }
});
