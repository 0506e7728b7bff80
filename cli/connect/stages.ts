// How far a computation of several stages is: one live line on a terminal, a plain line every few seconds elsewhere. It
// does not know what the stages do.
import { createLogUpdate } from 'log-update';
import type { Terminal } from '../terminal.ts';

const REDRAW_EVERY_MS = 200;
const LINE_EVERY_MS = 5_000;

export interface Stages {
  /** So many of so many are done of what is called that. */
  tell(stage: string, done: number, of: number): void;
  /** Takes the live line away. */
  close(): void;
}

export function openStages(terminal: Terminal): Stages {
  const update = terminal.live ? createLogUpdate(terminal.stream) : undefined;
  const everyMs = update === undefined ? LINE_EVERY_MS : REDRAW_EVERY_MS;
  let toldMs = performance.now();
  return {
    tell(stage, done, of) {
      if (performance.now() - toldMs < everyMs) return;
      toldMs = performance.now();
      const line = `${stage}: ${done} of ${of}`;
      if (update === undefined) terminal.say(line);
      else update(line);
    },
    close: () => update?.clear(),
  };
}
