// The real `Journal`: one JSON line an event in `journal.log` of the store folder, and the last 200 in memory
// for whoever asks. A journal that cannot be written costs its lines, never the node.
import { mkdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import type { Journal } from '../protocols/index.ts';

const FILE_NAME = 'journal.log';
/** Then the file becomes `journal.log.1`, replacing the one before: 32 MiB at most. */
const FILE_BYTES_MAX = 16 * 2 ** 20;
const RECENT_MAX = 200;

export interface JournalEntry {
  readonly timeMs: number;
  readonly kind: string;
  readonly fields: Readonly<Record<string, string | number | boolean>>;
}

export interface NodeJournal extends Journal {
  /** Oldest first. */
  recent(): readonly JournalEntry[];
  close(): void;
}

export function createJournal(options: { readonly folder: string }): NodeJournal {
  mkdirSync(options.folder, { recursive: true });
  const file = join(options.folder, FILE_NAME);
  let bytes = sizeOf(file);
  // Synchronous: the last lines before a kill are the ones that explain it, and there are only a few a second.
  const destination = pino.destination({ dest: file, sync: true });
  destination.on('error', () => undefined);
  destination.on('write', (written: number) => {
    bytes += written;
  });
  const logger = pino({ base: null, timestamp: pino.stdTimeFunctions.epochTime }, destination);
  const entries: JournalEntry[] = [];
  let closed = false;

  const rotate = (): void => {
    try {
      renameSync(file, `${file}.1`);
      destination.reopen();
    } catch {
      // Another try after as many bytes again.
    }
    bytes = 0;
  };

  return {
    event(kind, fields) {
      entries.push({ timeMs: Date.now(), kind, fields });
      if (entries.length > RECENT_MAX) entries.shift();
      if (closed) return;
      logger.info(fields, kind);
      if (bytes > FILE_BYTES_MAX) rotate();
    },
    recent: () => [...entries],
    close() {
      if (closed) return;
      closed = true;
      destination.end();
    },
  };
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
