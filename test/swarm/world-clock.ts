// The simulated `Clock`: one machine's wishes to be woken, in the virtual time of a world.
import type { Clock } from '../../protocols/index.ts';
import type { World } from './world.ts';

/** `isAlive` is looked at when the time has come: a dead machine is not woken. */
export function worldClock(world: World, onTick: () => void, isAlive: () => boolean = () => true): Clock {
  let newestWish = 0;
  return {
    nowMs: () => world.nowMs,
    wakeAt(atMs) {
      const wish = ++newestWish;
      world.after(atMs - world.nowMs, () => {
        if (wish === newestWish && isAlive()) onTick();
      });
    },
  };
}
