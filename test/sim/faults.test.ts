// Faults of single disks in a whole mesh: it goes on, and who suffered comes back to the digest of the others.
import assert from 'node:assert/strict';
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
