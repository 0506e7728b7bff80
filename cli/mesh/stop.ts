// Ends the nodes of a mesh: first a word through the status socket, then a signal, then the hard way. It touches
// only processes that this mesh started.
import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { MeshWatch } from './watch.ts';

/** A node writes its last records and closes its database well within this. */
const CLEAN_STOP_MS = 5_000;

export interface StartedNode {
  readonly index: number;
  readonly child: ChildProcess;
}

/** Settles when all nodes are gone; what does not go within five seconds is killed. */
export async function stopNodes(watch: MeshWatch, started: readonly StartedNode[]): Promise<void> {
  watch.expectStop();
  const asked = watch.views.map(async (view) => {
    const client = watch.client(view);
    if (client === undefined) return false;
    await client.stop();
    return true;
  });
  const answers = await Promise.allSettled(asked);
  const closings = watch.views.flatMap((view) => watch.client(view)?.closed ?? []);
  for (const { index, child } of started) {
    const answer = answers[watch.views.findIndex((view) => view.node.index === index)];
    const heard = answer?.status === 'fulfilled' && answer.value;
    if (!heard && isRunning(child)) child.kill('SIGTERM');
  }
  const ends = [...closings, ...started.map(({ child }) => ended(child))];
  await Promise.race([Promise.all(ends), pause(CLEAN_STOP_MS, undefined, { ref: false })]);
  killNodes(started);
  await Promise.all(started.map(({ child }) => ended(child)));
}

/** At once, whatever they are doing. The next start finds their stores whole all the same. */
export function killNodes(started: readonly StartedNode[]): void {
  for (const { child } of started) if (isRunning(child)) child.kill('SIGKILL');
}

function isRunning(child: ChildProcess): boolean {
  return child.pid !== undefined && child.exitCode === null && child.signalCode === null;
}

function ended(child: ChildProcess): Promise<void> {
  if (!isRunning(child)) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', () => resolve()));
}
