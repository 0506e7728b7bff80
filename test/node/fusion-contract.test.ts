// The Fusion port's contract, on a node's fusion: in the caller's thread and in one of its own.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type StartedFusion, startFusion } from '../../node/fusion-host.ts';
import { initialSeedOf, type PortEvent } from '../../protocols/index.ts';
import { type FusionUnderTest, fusionContract, manifest, meshId } from '../contracts/fusion.ts';
import { until } from './network-swarm.ts';

const settings = {
  model: manifest.model,
  initialSeed: initialSeedOf(meshId),
  codec: manifest.codec,
  ...manifest.aggregation,
  horizon: manifest.history.horizon,
};

function underTest(localParametersMax?: number): FusionUnderTest {
  let fusion: StartedFusion | undefined;
  return {
    port(deliver) {
      fusion = startFusion({ settings, deliver, localParametersMax });
      return fusion;
    },
    pass: () => sleep(1),
    close: async () => await fusion?.stop(),
  };
}

fusionContract("in a node's own thread", () => underTest());
fusionContract('in a thread of its own', () => underTest(0));

describe('a fusion thread', () => {
  const adopted = new Float32Array(0);

  it('that dies answers failed to all that wait for it, and to whoever asks later', async () => {
    const events: PortEvent[] = [];
    const deliver = (event: PortEvent): void => void events.push(event);
    // No line can be made of this, so the thread throws as soon as it runs.
    const broken = startFusion({ settings: { ...settings, horizon: 0 }, deliver, localParametersMax: 0 });
    broken.fuse({ ticket: 1, rollbackTo: 0, generations: [] });
    broken.adopt(0, adopted, adopted, 2);
    await until(() => events.length === 2, 'both are answered');
    broken.fuse({ ticket: 3, rollbackTo: 0, generations: [] });
    assert.equal(events.length, 2);
    await until(() => events.length === 3, 'so is the third');
    for (const [index, event] of events.entries()) {
      assert(event.kind === 'failed' && event.ticket === index + 1);
      assert.match(event.error, /^the fusion thread stopped: .*the horizon is a positive integer/);
    }
    await broken.stop();
  });

  for (const localParametersMax of [undefined, 0]) {
    it(`says nothing after it was stopped (${localParametersMax ?? 'local'})`, async () => {
      const deliver = (): never => assert.fail('it is stopped');
      const fusion = startFusion({ settings, deliver, localParametersMax });
      fusion.fuse({ ticket: 1, rollbackTo: 0, generations: [] });
      await fusion.stop();
      await fusion.stop();
      await sleep(5);
    });
  }
});
