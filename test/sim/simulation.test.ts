import assert from 'node:assert/strict';
import { runBowls } from './bowls.ts';

describe('a simulation', () => {
  it('of a clean mesh ends with one digest on every peer', async () => {
    const result = await runBowls({ name: 'clean', peers: 6 });
    assert.equal(result.violation, undefined);
    assert(result.agreed);
    assert.equal(new Set(result.peers.map(({ digest }) => digest)).size, 1);
  });

  it('is repeated to the last bit by its seed, and is another with another seed', async () => {
    const scenario = {
      name: 'churn',
      peers: 5,
      network: { latencyMs: [0, 300] as [number, number], loss: 0.1, duplicates: 0.1 },
      faults: [
        { kind: 'churn' as const, fromMs: 1_000, untilMs: 10_000, everyMs: [500, 2_000] as [number, number] },
      ],
    };
    const [first, second, other] = [
      await runBowls({ ...scenario, seed: 'a' }),
      await runBowls({ ...scenario, seed: 'a' }),
      await runBowls({ ...scenario, seed: 'b' }),
    ];
    assert.equal(first.traceHash, second.traceHash);
    assert.equal(first.events, second.events);
    assert.notEqual(first.traceHash, other.traceHash);
    for (const result of [first, other]) assert(result.agreed && result.violation === undefined);
  });
});
