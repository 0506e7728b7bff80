// The Clock port's contract, on the real clock.
import assert from 'node:assert/strict';
import { setTimeout } from 'node:timers/promises';
import { createClock } from '../../node/clock.ts';
import { clockContract } from '../contracts/clock.ts';

clockContract('the computer', () => {
  const clock = createClock();
  return {
    port: (onTick) => clock.port(onTick),
    async pass(durationMs) {
      await setTimeout(durationMs + 5);
    },
    stop: () => clock.stop(),
  };
});

describe('the clock of a node', () => {
  it('is silent after it was stopped', async () => {
    const clock = createClock();
    let ticks = 0;
    const port = clock.port(() => ticks++);
    port.wakeAt(port.nowMs() + 5);
    clock.stop();
    port.wakeAt(port.nowMs());
    await setTimeout(20);
    assert.equal(ticks, 0);
  });
});
