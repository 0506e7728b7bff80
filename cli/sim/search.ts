// Many worlds one after the other, without a pause, in a process that still hears Ctrl-C.
import { setImmediate as breath } from 'node:timers/promises';
import { bowlHost, type RunWorld, Simulation } from '../../sim/index.ts';
import { onInterrupt } from '../interrupts.ts';

export const STATUS_INTERRUPTED = 130;
const BREATHE_EVERY_MS = 200;

export interface Search {
  /** Runs a world; one that Ctrl-C has broken off is no outcome. */
  readonly run: RunWorld;
  isStopped(): boolean;
  /** Ctrl-C ends the process as ever from now on. */
  close(): void;
}

/** The first Ctrl-C stops it, a second one ends the process. `world`: who runs a world; default: bowls as they are. */
export function openSearch(world?: RunWorld): Search {
  let isStopped = false;
  let breathedMs = performance.now();
  const breathe = async (): Promise<void> => {
    if (performance.now() - breathedMs < BREATHE_EVERY_MS) return;
    await breath();
    breathedMs = performance.now();
  };
  const close = onInterrupt(
    () => {
      isStopped = true;
    },
    () => process.exit(STATUS_INTERRUPTED),
  );
  const bowls: RunWorld = (scenario) =>
    new Simulation(scenario, {
      ...bowlHost(scenario),
      progress: breathe,
      isStopped: () => isStopped,
    }).run();
  const runWorld = world ?? bowls;
  return {
    run: async (scenario) => {
      await breathe();
      return runWorld(scenario);
    },
    isStopped: () => isStopped,
    close,
  };
}
