// The simulated `Clock`: one machine's wishes to be woken, in virtual time, on a clock that may run fast or slow and that
// begins wherever it likes.
import type { Clock } from '../protocols/index.ts';
import type { World } from './world.ts';

export interface ClockDrift {
  /** What the machine's clock shows when the world begins. */
  readonly offsetMs: number;
  /** Its milliseconds for each of the world's. */
  readonly rate: number;
}

const EXACT: ClockDrift = { offsetMs: 0, rate: 1 };

/** `alive` wraps what must not happen to a machine that has died meanwhile. */
export function simClock(
  world: World,
  machine: {
    readonly tick: () => void;
    readonly alive: (run: () => void) => () => void;
    readonly drift?: ClockDrift;
  },
): Clock {
  const { tick, alive, drift = EXACT } = machine;
  const nowMs = () => drift.offsetMs + world.nowMs * drift.rate;
  let newestWish = 0;
  return {
    nowMs,
    wakeAt(atMs) {
      newestWish += 1;
      const wish = newestWish;
      world.after(
        (atMs - nowMs()) / drift.rate,
        alive(() => {
          if (wish === newestWish) tick();
        }),
      );
    },
  };
}
