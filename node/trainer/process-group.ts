// Signals to a trainer and to all that it has started: it leads a process group of its own. Windows has none.

const HAS_GROUPS = process.platform !== 'win32';

/** How to start a process so that `signalGroup` reaches its children too. */
export const groupOptions = { detached: HAS_GROUPS } as const;

/** Sends a signal to the group of this leader. A group that is gone is no fault. */
export function signalGroup(leader: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(HAS_GROUPS ? -leader : leader, signal);
  } catch {
    // Gone already, or turned into somebody else's.
  }
}

/**
 * The leader's id in shared memory, 0 while none runs: whoever outlives the thread that started it can end it. A leader
 * whose thread has died is not reaped, so its id cannot have become another's.
 */
export type LeaderCell = Int32Array<SharedArrayBuffer>;

export function createLeaderCell(): LeaderCell {
  return new Int32Array(new SharedArrayBuffer(4));
}

/** Ends at once whatever the cell names. */
export function killLeader(cell: LeaderCell): void {
  const leader = Atomics.exchange(cell, 0, 0);
  if (leader !== 0) signalGroup(leader, 'SIGKILL');
}
