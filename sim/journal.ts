// The simulated `Journal`: a peer's lines in the trace of its world.
import type { Journal } from '../protocols/index.ts';
import type { Trace } from './trace.ts';

const LINE_BREAKS = /[\r\n\u2028\u2029]+/g;

export function traceJournal(trace: Trace, peer: string): Journal {
  return {
    event(kind, fields) {
      // Most lines are never read; what they say is how things are now.
      const values = Object.values(fields);
      trace.event(peer, kind, { text: () => values.join(' ').replace(LINE_BREAKS, ' ') });
    },
  };
}
