// The Journal port's contract, on a node's log file.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJournal } from '../../node/journal.ts';
import { journalContract } from '../contracts/journal.ts';

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
