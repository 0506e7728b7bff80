// The Journal port's contract, on the trace of a world.
import { traceJournal } from '../../sim/journal.ts';
import { World } from '../../sim/world.ts';
import { journalContract } from '../contracts/journal.ts';

journalContract('the trace of a simulated world', () => {
  const { trace } = new World('journal contract');
  return {
    port: traceJournal(trace, 'a peer'),
    lines: () => trace.lastOf(['a peer']).map(({ kind, text }) => `${kind} ${text}`),
    close: () => undefined,
  };
});
