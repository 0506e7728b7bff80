// The Journal port's contract, on a node's log file and on the trace of a world.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJournal } from '../../node/journal.ts';
import type { PeerId } from '../../protocols/index.ts';
import { journalContract } from '../contracts/journal.ts';
import { worldJournal } from '../swarm/member.ts';
import { World } from '../swarm/world.ts';

journalContract("a node's log", () => {
  const folder = mkdtempSync(join(tmpdir(), 'meldmesh-journal-'));
  const port = createJournal({ folder });
  return {
    port,
    lines: () => readFileSync(join(folder, 'journal.log'), 'utf8').split('\n').slice(0, -1),
    close() {
      port.close();
      rmSync(folder, { recursive: true });
    },
  };
});

journalContract('the trace of a world', () => {
  const world = new World('journal contract');
  return {
    port: worldJournal(world, 'a member' as PeerId),
    lines: () => world.trace,
    close: () => undefined,
  };
});
