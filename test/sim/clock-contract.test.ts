// The Clock port's contract in virtual time, on clocks that keep the world's time and on some that do not.
import { simClock } from '../../sim/clock.ts';
import { World } from '../../sim/world.ts';
import { clockContract } from '../contracts/clock.ts';

const drifts = {
  exact: undefined,
  fast: { offsetMs: 0, rate: 1.02 },
  'slow and begins elsewhere': { offsetMs: 5_000_000, rate: 0.98 },
};

for (const [name, drift] of Object.entries(drifts)) {
  clockContract(`a simulated clock that is ${name}`, () => {
    const world = new World('clock');
    const alive = (run: () => void) => run;
    return {
      port: (tick) => simClock(world, { tick, alive, drift }),
      async pass(durationMs) {
        await world.runUntil(world.nowMs + durationMs / (drift?.rate ?? 1));
      },
      stop: () => undefined,
    };
  });
}
