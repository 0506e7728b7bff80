// Faults of single disks in a whole mesh: it goes on, and who suffered comes back to the digest of the others.
import assert from 'node:assert/strict';
import { parseScenario } from '../../sim/index.ts';
import { bowlSimulation, runBowls } from './bowls.ts';

describe('a mesh with a failing disk', () => {
  it('loses nothing that was said, at whatever write the power of a member goes', async () => {
    for (let write = 1; write <= 24; write++) {
      const simulation = bowlSimulation({
        name: 'power',
        seed: `write ${write}`,
        peers: 4,
        faults: [{ kind: 'crash-at-write', peer: 1, write, restartMs: 700 }],
        end: { generations: 10 },
      });
      const result = await simulation.run();
      assert.equal(result.violation, undefined, `write ${write}: ${result.violation?.text}`);
      assert(result.agreed, `write ${write}`);
      const starts = result.lanes.filter(({ peer, kind }) => peer === 1 && kind === 'start');
      assert.equal(starts.length, 2, `write ${write}: it was started again`);
    }
  });

  it('goes on without a member whose disk is full, and with it when there is room again', async () => {
    const scenario = { name: 'full', peers: 4, end: { generations: 30 }, compute: { roundMs: 1_000 } };
    const fault = { kind: 'full-disk' as const, peer: 2, bytes: 6_000 };
    const result = await runBowls({ ...scenario, faults: [{ ...fault, untilMs: 15_000 }] });
    assert.equal(result.violation, undefined, result.violation?.text);
    assert(result.agreed, 'all have one digest at the end');
    const lane = result.lanes.filter(({ peer }) => peer === 2);
    assert(lane.some(({ kind }) => kind === 'write-failed'));
    assert(lane.some(({ kind, atMs }) => kind === 'start' && atMs === 15_000));
    const others = result.history.filter(({ peer, atMs }) => peer === 0 && atMs < 15_000);
    assert(others.length >= 8, `the others were at ${others.length} generations when there was room again`);
  });
});

describe('a mesh with a disk that rots', () => {
  const scenario = { name: 'rot', peers: 4, end: { generations: 20, maxMs: 300_000 } };
  const fault = { kind: 'damage' as const, peer: 1, atMs: 8_000, restartMs: 9_000 };

  for (const prefix of ['record/', 'chunk/', 'blob/', 'head']) {
    it(`has the member with a damaged value at ${prefix} back at the digest of the others`, async () => {
      for (const seed of ['a', 'b', 'c']) {
        const simulation = bowlSimulation({ ...scenario, seed, faults: [{ ...fault, prefix }] });
        let damaged: string | undefined;
        simulation.world.after(8_500, () => {
          const lines = simulation.world.trace.lastOf([simulation.peers[1].id]);
          damaged = lines.find(({ kind }) => kind === 'damage')?.text;
        });
        const result = await simulation.run();
        assert(damaged?.startsWith(prefix), `${seed}: ${damaged}`);
        assert(result.violation === undefined, `${seed}: ${result.violation?.text}`);
        assert(result.agreed, seed);
      }
    });
  }

  it('starts a member again that has nothing of the kind, and refuses one that starts too early', async () => {
    const nothing = { ...fault, prefix: 'snapshot/' };
    const result = await runBowls({ ...scenario, faults: [nothing] });
    assert(result.agreed && result.violation === undefined);
    assert.equal(result.lanes.filter(({ peer, kind }) => peer === 1 && kind === 'start').length, 2);
    const parsed = parseScenario({ ...scenario, faults: [{ ...nothing, restartMs: 7_000 }] });
    assert('problems' in parsed && /started before it is stopped/.test(parsed.problems[0]));
  });
});

describe('a mesh that loses a member for good', () => {
  const scenario = { name: 'gone', peers: 5, end: { generations: 12, maxMs: 120_000 } };

  it('ends when those who are left agree, and nothing brings the dead one back', async () => {
    const result = await runBowls({
      ...scenario,
      faults: [
        { kind: 'kill', peer: 0, atMs: 3_000 },
        // It would start whom it finds dead.
        { kind: 'churn', fromMs: 3_000, untilMs: 9_000, everyMs: [200, 600] },
      ],
    });
    assert.equal(result.violation, undefined, result.violation?.text);
    assert(result.agreed, 'the dead one is not asked');
    assert(result.virtualSeconds < 60, `${result.virtualSeconds} s`);
    assert.equal(result.peers[0].digest, undefined);
    assert.equal(new Set(result.peers.slice(1).map(({ digest }) => digest)).size, 1);
    const starts = result.lanes.filter(({ peer, kind }) => peer === 0 && kind === 'start');
    assert.equal(starts.length, 1);
  });

  it('waits until it has been killed, and does not agree when nobody is left', async () => {
    const late = await runBowls({ ...scenario, faults: [{ kind: 'kill', peer: 2, atMs: 60_000 }] });
    assert(late.agreed && late.virtualSeconds >= 60);
    const all = [0, 1, 2, 3, 4].map((peer) => ({ kind: 'kill' as const, peer, atMs: 3_000 }));
    const none = await runBowls({ ...scenario, faults: all });
    assert.equal(none.violation, undefined, none.violation?.text);
    assert(!none.agreed);
  });
});
