// The log of a node: lines on disk, the last ones in memory, and never in the way.
import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createJournal } from '../../node/journal.ts';

describe('a journal', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'meldmesh-journal-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('has each event as a line of JSON at once, and adds to it after a restart', async () => {
    for (const generation of [1, 2]) {
      const journal = createJournal({ folder });
      journal.event('generation', { generation, digest: 'abc' });
      const lines = (await readFile(join(folder, 'journal.log'), 'utf8')).trim().split('\n');
      assert.equal(lines.length, generation);
      const line: unknown = JSON.parse(lines[generation - 1]);
      assert(typeof line === 'object' && line !== null && 'msg' in line && 'generation' in line);
      assert.deepEqual([line.msg, line.generation], ['generation', generation]);
      journal.close();
    }
  });

  it('remembers the last 200 events, also after it was closed', () => {
    const journal = createJournal({ folder });
    for (let index = 0; index < 250; index++) journal.event('tick', { index });
    journal.close();
    journal.event('late', {});
    const recent = journal.recent();
    assert.equal(recent.length, 200);
    assert.deepEqual(recent[0].fields, { index: 51 });
    assert.equal(recent[199].kind, 'late');
  });

  it('begins a new file when the old one is large, and keeps the one before', async () => {
    createJournal({ folder }).close();
    await truncate(join(folder, 'journal.log'), 17 * 2 ** 20);
    const journal = createJournal({ folder });
    journal.event('first', {});
    journal.event('second', {});
    journal.close();
    assert.deepEqual((await readdir(folder)).sort(), ['journal.log', 'journal.log.1']);
    const text = await readFile(join(folder, 'journal.log'), 'utf8');
    assert.match(text, /^\{.*"second".*\}\n$/);
  });
});
