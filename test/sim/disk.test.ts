// The simulated disk: the contract of every store, and what LevelDB's log promises when the power goes.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { StoreWrite } from '../../protocols/index.ts';
import { SimDisk, type SimDiskOptions } from '../../sim/disk.ts';
import { InternTable } from '../../sim/intern-table.ts';
import { type StoreUnderTest, storeContract } from '../contracts/store.ts';

storeContract('the simulated disk', async () => {
  const disk = new SimDisk({ defer: queueMicrotask });
  const self: StoreUnderTest = {
    port: (deliver) => disk.port(deliver),
    reopen: async () => self,
    close: async () => undefined,
  };
  return self;
});

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const contentOf = (disk: SimDisk) => new Map([...disk.entries].map(([key, value]) => [key, [...value]]));

/** A disk whose answers come at once when they are asked for, and its errors in order. */
function openDisk(options: Partial<SimDiskOptions> = {}) {
  const errors: (string | undefined)[] = [];
  const answers: (() => void)[] = [];
  const disk = new SimDisk({ defer: (run) => answers.push(run), ...options });
  const open = () => disk.port((event) => event.kind === 'written' && errors.push(event.error));
  let port = open();
  return {
    disk,
    errors,
    reopen: () => {
      port = open();
    },
    write: (batch: readonly StoreWrite[], sync = false) => port.write(batch, sync, 1),
    answer: () => {
      for (const run of answers.splice(0)) run();
    },
  };
}

const batches = fc.array(
  fc.record({
    sync: fc.boolean(),
    batch: fc.array(
      fc.record({
        key: fc.constantFrom('a', 'b', 'record/1', 'chunk/x'),
        value: fc.option(fc.uint8Array({ maxLength: 3 }), { nil: undefined }),
      }),
      { maxLength: 4 },
    ),
  }),
  { minLength: 1, maxLength: 12 },
);

/** What a disk holds after these batches, the obvious way. */
function contentAfter(written: readonly { readonly batch: readonly StoreWrite[] }[]): Map<string, number[]> {
  const content = new Map<string, number[]>();
  for (const { batch } of written) {
    for (const { key, value } of batch) {
      content.delete(key);
      if (value !== undefined) content.set(key, [...value]);
    }
  }
  return content;
}

const sorted = (content: ReadonlyMap<string, number[]>) => [...content].sort(([a], [b]) => (a < b ? -1 : 1));

describe('a simulated disk', () => {
  it('after a power cut holds a beginning of what was written, and all that was synced', () => {
    fc.assert(
      fc.property(batches, fc.nat(12), (written, kept) => {
        const { disk, write } = openDisk();
        for (const { batch, sync } of written) write(batch, sync);
        const synced = written.findLastIndex(({ sync }) => sync) + 1;
        disk.crash(kept);
        const survivors = Math.min(written.length, synced + kept);
        assert.deepEqual(sorted(contentOf(disk)), sorted(contentAfter(written.slice(0, survivors))));
      }),
      { seed: 1 },
    );
  });

  it('loses the batch under way whole or keeps it whole, at any write', () => {
    fc.assert(
      fc.property(batches, fc.nat(12), fc.nat(12), (written, at, share) => {
        const { disk, write, answer, errors } = openDisk();
        const number = 1 + (at % written.length);
        let survivors = -1;
        disk.cutPowerAt(number, (unsynced) => {
          const kept = share % (unsynced + 1);
          survivors = number - unsynced + kept;
          disk.crash(kept);
        });
        for (const { batch, sync } of written) write(batch, sync);
        answer();
        assert.equal(errors.length, 0, 'nothing is answered any more, not even what was written before');
        assert(survivors >= written.slice(0, number - 1).findLastIndex(({ sync }) => sync) + 1);
        assert.deepEqual(sorted(contentOf(disk)), sorted(contentAfter(written.slice(0, survivors))));
      }),
      { seed: 2 },
    );
  });

  it('that is full refuses every write until it is opened anew, and takes them when there is room', () => {
    const { disk, write, answer, errors, reopen } = openDisk({ bytesMax: 4 });
    write([{ key: 'a', value: bytes(1, 2, 3) }]);
    write([{ key: 'b', value: bytes(1, 2) }]);
    write([{ key: 'a', value: undefined }]);
    answer();
    assert.deepEqual(
      errors.map((error) => error?.slice(0, 19)),
      [undefined, 'MELDMESH_STORE_FULL', 'MELDMESH_STORE_FULL'],
    );
    assert(disk.isFull);
    disk.limit(Number.POSITIVE_INFINITY);
    reopen();
    write([{ key: 'b', value: bytes(1, 2) }]);
    answer();
    assert.equal(errors[3], undefined);
    assert.deepEqual([...disk.entries.keys()], ['a', 'b']);
  });

  it('keeps a damaged value damaged through a power cut, and damages no other disk', () => {
    const values = new InternTable();
    const [one, other] = [openDisk({ values }), openDisk({ values })];
    for (const { write } of [one, other]) write([{ key: 'record/1', value: bytes(1, 2, 3) }], true);
    assert.equal(one.disk.entries.get('record/1'), other.disk.entries.get('record/1'), 'kept once');
    one.disk.damage('record/1');
    one.disk.crash();
    assert.deepEqual([...(one.disk.entries.get('record/1') ?? [])], [1, 2, 0xfc]);
    assert.deepEqual([...(other.disk.entries.get('record/1') ?? [])], [1, 2, 3]);
  });

  it('never trusts a key: different bytes under one are kept apart', () => {
    const values = new InternTable();
    const [one, other] = [openDisk({ values }), openDisk({ values })];
    one.write([{ key: 'chunk/1', value: bytes(1) }]);
    other.write([{ key: 'chunk/1', value: bytes(2) }]);
    assert.deepEqual([...(one.disk.entries.get('chunk/1') ?? [])], [1]);
    assert.deepEqual([...(other.disk.entries.get('chunk/1') ?? [])], [2]);
  });
});
