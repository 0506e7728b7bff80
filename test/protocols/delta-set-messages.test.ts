// The bytes of the delta-set protocol: there and back, and whatever strangers may send instead.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import { identityFromSeed } from '../../node/identity.ts';
import { createSigner } from '../../node/signer.ts';
import {
  RECORD_BYTES_MAX,
  SYNC_BYTES_MAX,
  VOTE_BYTES,
  WANTED_MAX,
} from '../../protocols/delta-set/constants.ts';
import {
  decodeRecords,
  decodeSyncRequest,
  decodeWelcome,
  encodeRecords,
  encodeSyncRequest,
  encodeWelcome,
  type Head,
  SNAPSHOTS_MAX,
  WELCOME_RECORDS_MAX,
} from '../../protocols/delta-set/messages.ts';
import { type DeltaRecord, decodeDelta, encodeDelta, signRecord } from '../../protocols/index.ts';
import { arbitrary, fakeSigner, recordOf } from './delta-records.ts';

const seeded = { seed: 41, numRuns: 300 };
const { hash, u32, fields, signature } = arbitrary;

const head: fc.Arbitrary<Head> = fc.record({
  generation: u32,
  model: hash,
  state: hash,
  samples: u32,
  floor: u32,
  snapshots: fc.array(fc.record({ generation: u32, state: hash, blob: hash, weight: fc.maxSafeNat() }), {
    maxLength: SNAPSHOTS_MAX,
  }),
});
const wanted = fc.record({ id: hash, generation: u32 });
const digest = fc.oneof(
  fc.constant(''),
  fc
    .uint8Array({ minLength: 8, maxLength: 8 })
    .map((bytes) => Buffer.from(bytes).toString('hex'))
    .filter((text) => text !== '0000000000000000'),
);
const hello = fc.record({
  kind: fc.constant('hello' as const),
  head,
  first: u32,
  digests: fc.array(digest, { maxLength: 70 }),
});
const want = fc.record({
  kind: fc.constant('want' as const),
  records: fc.array(wanted, { maxLength: WANTED_MAX }),
});
const welcome = fc.record({ head, records: fc.array(wanted, { maxLength: 90 }) });
const payload = fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined });
const delta = fc
  .record({ fields, signature, payload })
  .map(({ fields, signature, payload }) =>
    encodeDelta({ ...signRecord(fields, fakeSigner), signature }, payload),
  );

const decode = (bytes: Uint8Array) => decodeDelta(bytes, hashOf);

/** Encodes what a decoder understood, from its fields alone: the header is made anew, not copied. */
function again(bytes: Uint8Array): Uint8Array | undefined {
  const message = decode(bytes);
  if (message === undefined) return undefined;
  const { votes, header: _header, id: _id, signature, ...rest } = message.record;
  const made = signRecord({ ...rest, votes: [...votes] }, fakeSigner);
  return encodeDelta({ ...made, signature }, message.payload);
}

interface Door {
  readonly name: string;
  readonly good: fc.Arbitrary<Uint8Array>;
  /** The same bytes from the decoded message; `undefined` where nothing was understood. */
  readonly again: (bytes: Uint8Array) => Uint8Array | undefined;
}

const doors: readonly Door[] = [
  { name: 'a gossiped delta', good: delta, again },
  {
    name: 'a sync request',
    good: fc.oneof(hello, want).map(encodeSyncRequest),
    again: (bytes) => {
      const message = decodeSyncRequest(bytes);
      return message && encodeSyncRequest(message);
    },
  },
  {
    name: 'a welcome',
    good: welcome.map(encodeWelcome),
    again: (bytes) => {
      const message = decodeWelcome(bytes);
      return message && encodeWelcome(message);
    },
  },
  {
    name: 'an answer with records',
    good: fc.array(delta, { maxLength: 8 }).map(encodeRecords),
    again: (bytes) => {
      const message = decodeRecords(bytes);
      return message && encodeRecords(message);
    },
  },
];

/** A message with something done to it. */
const spoiled = (good: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc.tuple(good, fc.nat()).map(([bytes, at]) => bytes.slice(0, at % (bytes.length + 1))),
    fc
      .tuple(good, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([bytes, changes]) => {
        const changed = bytes.slice();
        for (const [at, value] of changes) changed[at % changed.length] = value;
        return changed;
      }),
    fc
      .tuple(good, fc.uint8Array({ minLength: 1, maxLength: 9 }))
      .map(([bytes, more]) => Buffer.concat([bytes, more])),
    // A lying count: nine bytes of a varint somewhere.
    fc.tuple(good, fc.nat()).map(([bytes, at]) => {
      const changed = bytes.slice();
      changed.fill(0xff, at % changed.length, (at % changed.length) + 7);
      return changed;
    }),
  );

describe('messages of the delta-set protocol', () => {
  for (const { name, good, again } of doors) {
    it(`${name} comes back as it went`, () => {
      fc.assert(
        fc.property(good, (bytes) => assert.deepEqual(again(bytes), bytes)),
        seeded,
      );
    });

    it(`${name} has one form: spoiled bytes are refused, or are another message in its only form`, () => {
      let refused = 0;
      fc.assert(
        fc.property(spoiled(good), (bytes) => {
          const twice = again(bytes);
          if (twice === undefined) refused += 1;
          else assert.deepEqual(Buffer.from(twice), Buffer.from(bytes));
        }),
        { ...seeded, numRuns: 1_000 },
      );
      assert(refused > 300, `${refused} of 1000 were refused`);
    });
  }

  it('gives a record the hash of its header as id, and all of its fields back', () => {
    fc.assert(
      fc.property(fields, payload, (made, sent) => {
        const record = signRecord(made, fakeSigner);
        assert.equal(record.id, hashOf(record.header));
        const message = decode(encodeDelta(record, sent));
        assert.deepEqual(message?.record, record);
        assert.deepEqual(message?.payload, sent);
        assert.deepEqual(record.votes, new Set(made.votes));
      }),
      seeded,
    );
  });

  it('gives one id to one content, in whatever order votes were collected, repetitions left out', () => {
    const votes = ['00', 'ff', '01'].map((byte) => byte.repeat(VOTE_BYTES));
    const made = { ...fieldsOf(recordOf({ author: 'anna', generation: 4 })), votes };
    const record = signRecord(made, fakeSigner);
    const other = signRecord({ ...made, votes: [...votes, ...votes].reverse() }, fakeSigner);
    assert.equal(other.id, record.id);
    assert.deepEqual(decode(encodeDelta(other, undefined))?.record, record);
  });

  it('refuses generation 0 and a base that is not below the generation', () => {
    const made = fieldsOf(recordOf({ author: 'anna', generation: 4 }));
    const accepts = (generation: number, baseGeneration: number): boolean =>
      decode(encodeDelta(signRecord({ ...made, generation, baseGeneration }, fakeSigner), undefined)) !==
      undefined;
    assert(accepts(1, 0));
    assert(accepts(9, 3));
    assert(!accepts(0, 0));
    assert(!accepts(4, 4));
    assert(!accepts(4, 5));
  });

  it('refuses votes out of order, twice, or fewer than their count says', () => {
    const record = signRecord(
      {
        ...fieldsOf(recordOf({ author: 'anna', generation: 4 })),
        votes: ['1', '2', '3'].map((digit) => digit.repeat(2 * VOTE_BYTES)),
      },
      fakeSigner,
    );
    const { header } = record;
    const withHeader = (changed: Uint8Array) =>
      decode(encodeDelta({ ...record, header: changed }, undefined));
    assert(withHeader(header) !== undefined);
    const votesAt = header.length - 3 * VOTE_BYTES;
    const swapped = header.slice();
    swapped.set(header.subarray(votesAt, votesAt + VOTE_BYTES), votesAt + VOTE_BYTES);
    swapped.set(header.subarray(votesAt + VOTE_BYTES, votesAt + 2 * VOTE_BYTES), votesAt);
    assert.equal(withHeader(swapped), undefined);
    const doubled = header.slice();
    doubled.set(header.subarray(votesAt, votesAt + VOTE_BYTES), votesAt + VOTE_BYTES);
    assert.equal(withHeader(doubled), undefined);
    assert.equal(withHeader(header.subarray(0, header.length - VOTE_BYTES)), undefined);
    assert.equal(withHeader(Buffer.concat([header, header.subarray(votesAt)])), undefined);
  });

  it('refuses a header above its limit before it looks into it', () => {
    const record = recordOf({ author: 'anna', generation: 4 });
    const large = { ...record, header: new Uint8Array(RECORD_BYTES_MAX + 1) };
    let hashed = 0;
    const counting = (...parts: readonly Uint8Array[]) => {
      hashed += parts.length;
      return hashOf(...parts);
    };
    assert.equal(decodeDelta(encodeDelta(large, undefined), counting), undefined);
    assert.equal(hashed, 0);
  });
});

describe('answers of a sync call', () => {
  const head: Head = {
    generation: 9,
    model: '11'.repeat(32) as Head['model'],
    state: '22'.repeat(32) as Head['model'],
    samples: 5,
    floor: 0,
    snapshots: [],
  };
  const manyIds = Array.from({ length: WELCOME_RECORDS_MAX + 5 }, (_, generation) => ({
    id: head.model,
    generation,
  }));

  it('stop where a frame is full, and what was left out is asked for next time', () => {
    const bytes = encodeWelcome({ head, records: manyIds });
    assert(bytes.length <= SYNC_BYTES_MAX, `${bytes.length}`);
    assert.deepEqual(decodeWelcome(bytes)?.records, manyIds.slice(0, WELCOME_RECORDS_MAX));

    const large = encodeDelta(recordOf({ author: 'anna', generation: 1 }), new Uint8Array(100_000));
    const answer = encodeRecords([large, large, large, large]);
    assert(answer.length <= SYNC_BYTES_MAX, `${answer.length}`);
    assert.deepEqual(
      decodeRecords(answer)?.map(({ length }) => length),
      [large.length, large.length, large.length],
    );
  });

  it('carry the largest record that gossip carries', () => {
    const largest = encodeDelta(
      { ...recordOf({ author: 'anna', generation: 1 }), header: new Uint8Array(RECORD_BYTES_MAX) },
      new Uint8Array(262_144),
    );
    assert.deepEqual(
      decodeRecords(encodeRecords([largest]))?.map(({ length }) => length),
      [largest.length],
    );
  });

  it('are refused when they hold more than was asked for', () => {
    const one = encodeDelta(recordOf({ author: 'anna', generation: 1 }), undefined);
    assert.equal(decodeRecords(encodeRecords(Array(WANTED_MAX).fill(one)))?.length, WANTED_MAX);
    assert.equal(decodeRecords(encodeRecords(Array(WANTED_MAX + 1).fill(one))), undefined);
    const ids = (count: number) => encodeSyncRequest({ kind: 'want', records: manyIds.slice(0, count) });
    assert(decodeSyncRequest(ids(WANTED_MAX)) !== undefined);
    assert.equal(decodeSyncRequest(ids(WANTED_MAX + 1)), undefined);
  });

  it('never make the reader allot more than it was sent', () => {
    // Counts of 2^49 − 1 in every place where a count can stand.
    const count = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
    const names = encodeWelcome({ head, records: [] }).slice(0, -1);
    const lies = [
      Uint8Array.from([2, ...count]),
      Uint8Array.from([...names, ...count]),
      Uint8Array.from([...names, 1, 0, 0, 0, ...count]),
      Uint8Array.from([1, ...count]),
    ];
    const before = process.memoryUsage().arrayBuffers;
    for (const lie of lies) {
      for (const { again } of doors) assert.equal(again(lie), undefined);
    }
    assert(process.memoryUsage().arrayBuffers - before < 1_000_000);
  });
});

describe('the signature of a record', () => {
  it('covers every byte of the header and belongs to the author named in it', async () => {
    const signer = createSigner(await identityFromSeed(new Uint8Array(32).fill(1)));
    const stranger = createSigner(await identityFromSeed(new Uint8Array(32).fill(2)));
    const made = {
      ...fieldsOf(recordOf({ author: signer.self, generation: 4 })),
      votes: ['0123456789abcdef'],
    };
    const record = signRecord(made, signer);
    const verifies = ({ author, header, signature }: DeltaRecord) => signer.verify(author, header, signature);
    assert(verifies(record));
    assert(!verifies({ ...record, author: stranger.self }));
    assert(!verifies(signRecord(made, stranger)));
    for (let at = 0; at < record.header.length; at++) {
      const header = record.header.slice();
      header[at] ^= 1 << (at % 8);
      assert(!verifies({ ...record, header }), `byte ${at} of the header is not signed`);
      assert.notEqual(hashOf(header), record.id);
    }
  });
});

function fieldsOf({ header: _header, id: _id, signature: _signature, votes, ...rest }: DeltaRecord) {
  return { ...rest, votes: [...votes] };
}
