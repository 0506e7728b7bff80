// Rows on disk and the small parts beside them: what is read back is what was written, and a damaged row is no row.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Alarm } from '../../protocols/alarm.ts';
import { PayloadCache } from '../../protocols/delta-set/payload-cache.ts';
import {
  decodeFloor,
  decodeHeadRow,
  decodeOwn,
  decodeSnapshotRow,
  encodeFloor,
  encodeHeadRow,
  encodeOwn,
  encodeSnapshotRow,
  recordKey,
  snapshotKey,
} from '../../protocols/delta-set/store-layout.ts';
import { Tickets } from '../../protocols/tickets.ts';
import { arbitrary, hashNamed } from './delta-records.ts';

const seeded = { seed: 61, numRuns: 300 };
const { hash, u32 } = arbitrary;

interface Row {
  readonly name: string;
  readonly good: fc.Arbitrary<Uint8Array>;
  readonly again: (bytes: Uint8Array) => Uint8Array | undefined;
}

/** Encodes, and encodes again from what was decoded. */
function row<T>(made: {
  readonly name: string;
  readonly values: fc.Arbitrary<T>;
  readonly encode: (value: T) => Uint8Array;
  readonly decode: (bytes: Uint8Array) => T | undefined;
}): Row {
  const { name, values, encode, decode } = made;
  return {
    name,
    good: values.map(encode),
    again: (bytes) => {
      const value = decode(bytes);
      return value === undefined ? undefined : encode(value);
    },
  };
}

const rows: readonly Row[] = [
  row({
    name: 'own',
    values: fc.record({
      generation: u32,
      record: hash,
      state: hash,
      returned: fc.array(hash, { maxLength: 5 }),
    }),
    encode: encodeOwn,
    decode: decodeOwn,
  }),
  row({
    name: 'head',
    values: fc.record({ generation: u32, model: hash, sealed: u32 }),
    encode: encodeHeadRow,
    decode: decodeHeadRow,
  }),
  row({
    name: 'snapshot',
    values: fc.record({ generation: u32, state: hash, blob: hash, weight: fc.maxSafeNat() }),
    encode: encodeSnapshotRow,
    decode: decodeSnapshotRow,
  }),
  row({ name: 'floor', values: u32, encode: encodeFloor, decode: decodeFloor }),
];

describe('rows of the store', () => {
  for (const { name, good, again } of rows) {
    it(`${name}: comes back as it was written, and is no row when cut, longer or of another version`, () => {
      fc.assert(
        fc.property(good, fc.nat(), (bytes, at) => {
          assert.deepEqual(again(bytes), bytes);
          assert.equal(again(bytes.subarray(0, at % bytes.length)), undefined);
          assert.equal(again(Buffer.concat([bytes, Uint8Array.of(0)])), undefined);
          assert.equal(again(Uint8Array.of(2, ...bytes.subarray(1))), undefined);
        }),
        seeded,
      );
    });

    it(`${name}: any bytes at all are no row or a whole one`, () => {
      const any = fc.uint8Array({ maxLength: 200 }).map((bytes) => Uint8Array.of(1, ...bytes));
      fc.assert(
        fc.property(any, (bytes) => {
          const twice = again(bytes);
          if (twice !== undefined) assert.deepEqual(twice, bytes);
        }),
        seeded,
      );
    });
  }

  it('remember the newest thousand of the own records that were taken back', () => {
    const returned = Array.from({ length: 1_030 }, (_, i) => hashNamed(`${i}`));
    const own = { generation: 1, record: returned[0], state: returned[0], returned };
    assert.deepEqual(decodeOwn(encodeOwn(own))?.returned, returned.slice(-1_024));
  });

  it('lie in the order of generations, however large these are', () => {
    fc.assert(
      fc.property(u32, u32, hash, (a, b, id) => {
        assert.equal(recordKey(a, id) < recordKey(b, id), a < b);
        assert.equal(snapshotKey(a) < snapshotKey(b), a < b);
      }),
      seeded,
    );
  });
});

describe('the payload cache', () => {
  it('stays within its bytes and forgets the longest unused first', () => {
    const [a, b, c] = ['a', 'b', 'c'].map(hashNamed);
    const cache = new PayloadCache(100);
    cache.set(a, new Uint8Array(40));
    cache.set(b, new Uint8Array(40));
    assert.equal(cache.get(a)?.length, 40);
    cache.set(c, new Uint8Array(40));
    assert.equal(cache.get(b), undefined);
    assert.equal(cache.get(a)?.length, 40);
    assert.equal(cache.get(c)?.length, 40);
    cache.set(b, new Uint8Array(101));
    assert.deepEqual(
      [a, b, c].map((hash) => cache.get(hash)),
      [undefined, undefined, undefined],
    );
  });

  it('counts a payload that is set twice once', () => {
    const cache = new PayloadCache(100);
    const [a, b] = ['a', 'b'].map(hashNamed);
    for (let i = 0; i < 5; i++) cache.set(a, new Uint8Array(40));
    cache.set(b, new Uint8Array(60));
    assert.equal(cache.get(a)?.length, 40);
  });
});

describe('tickets', () => {
  it('bring each answer to the one who asked, once, and nobody after they were cleared', () => {
    const tickets = new Tickets();
    const heard: string[] = [];
    const [one, two, three] = ['one', 'two', 'three'].map((name) => tickets.issue(() => heard.push(name)));
    const answer = (ticket: number) => tickets.resolve({ kind: 'failed', ticket, error: '' });
    answer(two);
    answer(two);
    answer(one);
    tickets.clear();
    answer(three);
    assert.deepEqual(heard, ['two', 'one']);
  });
});

describe('an alarm', () => {
  it('keeps the earliest of several wishes until it rang', () => {
    const wishes: number[] = [];
    const alarm = new Alarm({ nowMs: () => 7, wakeAt: (atMs) => wishes.push(atMs) });
    for (const atMs of [500, 900, 300, 300, 400]) alarm.wakeAt(atMs);
    alarm.rang();
    alarm.wakeAt(900);
    assert.deepEqual(wishes, [500, 300, 900]);
    assert.equal(alarm.nowMs(), 7);
  });
});
