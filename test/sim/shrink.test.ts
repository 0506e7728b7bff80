import assert from 'node:assert/strict';
import {
  drawScenario,
  type Failure,
  parseFailure,
  parseScenario,
  type RunWorld,
  type Scenario,
  shrink,
  tryWorld,
} from '../../sim/index.ts';
import { arrivalOrder, forgottenResidual, planted } from './planted/bugs.ts';

/** The first drawn world with at least so many faults that this run fails in. */
async function largeFailure(run: RunWorld, faultsMin: number): Promise<Failure> {
  for (let seed = 1; seed <= 200; seed++) {
    const scenario = drawScenario(String(seed));
    if (scenario.faults.length < faultsMin || scenario.peers < 5) continue;
    const { failure } = await tryWorld(scenario, run);
    if (failure !== undefined) return failure;
  }
  throw new Error('no seed fails');
}

describe('shrinking', () => {
  for (const [name, bug] of [
    ['a residual forgotten at a restart', forgottenResidual],
    ['sums in the order of arrival', arrivalOrder],
  ] as const) {
    it(`leaves little of a world with ${name}, and what it writes still fails`, async function () {
      this.timeout(60_000);
      const run = planted(bug);
      const failure = await largeFailure(run, 3);
      const shrunk = await shrink(failure, { run });
      assert(shrunk !== undefined);
      const { scenario } = shrunk;
      assert(scenario.peers <= 3, `${scenario.peers} peers`);
      assert(scenario.faults.length <= 2, `${scenario.faults.length} faults`);
      assert(shrunk.isSmallest, `${shrunk.runs} runs were not enough`);
      assert.match(scenario.story ?? '', /^\d peers, /);
      const parsed = parseScenario(JSON.parse(JSON.stringify(scenario)));
      assert('scenario' in parsed);
      const again = await tryWorld(parsed.scenario, run);
      assert.equal(again.failure?.violation.checker, failure.violation.checker);
      // It ends where it fails; members without the bug may need longer to agree.
      const end = { ...parsed.scenario.end, maxMs: failure.scenario.end.maxMs };
      const sound = planted((ports) => ports);
      const { failure: none } = await tryWorld({ ...parsed.scenario, end }, sound);
      assert(none === undefined, none?.violation.text);
    });
  }

  it('gives the same scenario every time', async function () {
    this.timeout(60_000);
    const run = planted(arrivalOrder);
    const failure = await largeFailure(run, 3);
    const [one, two] = [await shrink(failure, { run }), await shrink(failure, { run })];
    assert.deepEqual(one?.scenario, two?.scenario);
    assert.equal(one?.failure.traceHash, two?.failure.traceHash);
  });

  /** Fails while peer 4, a kill of it and one liar are there: numbers have to follow their peers. */
  it('keeps the peers that faults name, under their new numbers', async () => {
    const failure = failureOf({
      ...drawScenario('1'),
      peers: 8,
      faults: [
        { kind: 'kill', peer: 6, atMs: 5_000, restartMs: 9_000 },
        { kind: 'join', from: 2, to: 7, atMs: 1_234 },
        { kind: 'cut', fromMs: 0, untilMs: 1_000, groups: [[0, 1, 6], [2, 3], [4]] },
      ],
      attackers: [{ kind: 'sign-flip', peers: [1, 6], fromGeneration: 1 }],
    });
    const run = imagined(({ peers, faults, attackers }) => {
      const killed = faults.find((fault) => fault.kind === 'kill');
      const liars = attackers.flatMap(({ peers: who }) => who ?? []);
      return killed !== undefined && killed.peer < peers && liars.includes(killed.peer);
    });
    const shrunk = await shrink(failure, { run });
    const { peers, faults, attackers, end } = shrunk?.scenario ?? drawScenario('1');
    assert.equal(peers, 2);
    assert.equal(end.generations, 1);
    assert.equal(faults.length, 1);
    assert(faults[0].kind === 'kill' && faults[0].restartMs === faults[0].atMs + 1);
    assert.deepEqual(attackers.flatMap(({ peers: who }) => who ?? []).includes(faults[0].peer), true);
  });

  it('says so when the scenario does not fail any more', async () => {
    const shrunk = await shrink(failureOf(drawScenario('1')), { run: imagined(() => false) });
    assert.equal(shrunk, undefined);
  });

  it('stops at its budget with the smallest failure so far', async () => {
    const failure = failureOf({ ...drawScenario('1'), peers: 9 });
    const shrunk = await shrink(failure, { run: imagined(() => true), runsMax: 5 });
    assert.equal(shrunk?.runs, 5);
    assert.equal(shrunk?.isSmallest, false);
    assert(shrunk.scenario.peers < 9 || shrunk.scenario.faults.length < failure.scenario.faults.length);
  });

  it('reads a failure back from its file, and says what is wrong with another one', () => {
    const failure = failureOf(drawScenario('3'));
    assert.deepEqual(parseFailure(JSON.parse(JSON.stringify(failure))), { failure });
    for (const value of [
      undefined,
      7,
      {},
      { scenario: failure.scenario },
      { violation: failure.violation },
    ]) {
      assert('problems' in parseFailure(value));
    }
  });
});

const CHECKER = 'imagined';

function failureOf(scenario: Scenario): Failure {
  return { scenario, violation: { checker: CHECKER, text: 'it fails' } };
}

/** No simulation: a scenario fails where this holds. */
function imagined(fails: (scenario: Scenario) => boolean): RunWorld {
  return async (scenario) => ({
    violation: fails(scenario) ? { checker: CHECKER, text: 'it fails', atMs: 1_000 } : undefined,
    agreed: true,
    traceHash: '0',
    virtualSeconds: 1,
    events: 1,
    peers: [],
  });
}
