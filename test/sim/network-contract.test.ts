// The Network port's contract, on the simulated network.
import assert from 'node:assert/strict';
import { networkContract } from '../contracts/network.ts';
import { Listener, Listeners } from './listener.ts';

const UNTIL_MS = 8_000;

networkContract('simulated', () => {
  const { world, network } = new Listeners(0, { latencyMs: [1, 40] }, 'network contract');
  return {
    open: async (count) =>
      Array.from({ length: count }, (_, index) => new Listener(`member ${index}`, world, network)),
    async until(condition, text) {
      assert(
        condition() || (await world.runUntil(world.nowMs + UNTIL_MS, condition)),
        `still not true: ${text}`,
      );
    },
    pass: async (milliseconds) => void (await world.runUntil(world.nowMs + milliseconds)),
    close: async () => undefined,
  };
});
