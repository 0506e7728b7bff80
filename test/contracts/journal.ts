// What every `Journal` promises. Run on a node's log file and on the trace of a world.
import assert from 'node:assert/strict';
import type { Journal } from '../../protocols/index.ts';

export interface JournalUnderTest {
  readonly port: Journal;
  /** All that was written, oldest first. */
  lines(): readonly string[];
  close(): void;
}

/** Registers the suite. */
export function journalContract(name: string, make: () => JournalUnderTest): void {
  describe(`the journal contract: ${name}`, () => {
    let journal: JournalUnderTest;
    beforeEach(() => {
      journal = make();
    });
    afterEach(() => journal.close());

    it('has one line an event, at once and in order, with its kind and all its fields', () => {
      for (const generation of [11, 12, 13]) {
        journal.port.event('generation-done', { generation, digest: 'abcdef', corrected: generation === 12 });
        const line = journal.lines().at(-1) ?? assert.fail('it is there');
        for (const text of ['generation-done', String(generation), 'abcdef', String(generation === 12)])
          assert(line.includes(text), `${line} has ${text}`);
        assert.equal(journal.lines().length, generation - 10);
      }
    });

    it('takes the fields as they are at the call', () => {
      const fields = { phase: 'waiting' };
      journal.port.event('phase', fields);
      fields.phase = 'running';
      const [line] = journal.lines();
      assert(line.includes('waiting') && !line.includes('running'));
    });

    it('keeps to one line, whatever a text holds, and takes an event without fields', () => {
      journal.port.event('notice', { text: 'one\ntwo\r\n"three"\u2028' });
      journal.port.event('stopped', {});
      const lines = journal.lines();
      assert.equal(lines.length, 2);
      assert(lines[0].includes('three') && lines[1].includes('stopped'));
    });
  });
}
