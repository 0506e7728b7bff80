// What late records cost: each one changes a generation that was applied, and the ones after it.
import assert from 'node:assert/strict';
import { bowlSimulation } from './bowls.ts';

describe('late records', () => {
  it('are gathered while their hearers train, and cost half as many corrections as one for each', async () => {
    const [peers, generations] = [30, 10];
    const simulation = bowlSimulation({
      name: 'late',
      seed: '4',
      peers,
      compute: { roundMs: 2_000, slowShare: 0.4, slowFactor: 2.5 },
      network: { latencyMs: [50, 300] },
      end: { generations },
    });
    const { trace } = simulation.world;
    const event = trace.event.bind(trace);
    let fused = 0;
    trace.event = (peer, kind, detail) => {
      if (kind === 'fused') fused += 1;
      event(peer, kind, detail);
    };
    const { agreed, violation } = await simulation.run();
    assert.equal(violation, undefined);
    assert(agreed);
    const corrections = fused - peers * generations;
    assert(corrections > 0 && corrections < 60, `${corrections} generations were applied again`);
  });
});
