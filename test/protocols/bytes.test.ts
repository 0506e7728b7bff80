// Bytes of messages: what was written is read, and what was not written is never taken for it.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { hashOf } from '../../node/hash.ts';
import { ByteReader, ByteWriter, bytesOfHash, hashOfText, hexOf } from '../../protocols/index.ts';

const seeded = { seed: 20_262, numRuns: 100 };
const safe = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(2 ** 32, 2 ** 32 - 1, 2 ** 53 - 1, 127, 128),
);

describe('message bytes', () => {
  it('are read as they were written, and nothing is left over', () => {
    const wholeText = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(
        fc.nat(255),
        fc.nat(2 ** 32 - 1),
        safe,
        wholeText,
        fc.uint8Array(),
        (u8, u32, u64, text, bytes) => {
          const writer = new ByteWriter(1).u8(u8).u32(u32).u64(u64).varint(u64).text(text).prefixed(bytes);
          const written = writer.hash(hashOf(bytes)).fixed(bytes).finish();
          assert.equal(writer.length, written.length);
          // A view into a larger buffer, as messages come.
          const reader = new ByteReader(Buffer.concat([Uint8Array.of(9), written]).subarray(1));
          assert.deepEqual([reader.u8(), reader.u32(), reader.u64(), reader.varint()], [u8, u32, u64, u64]);
          assert.equal(reader.text(10_000), text);
          assert.deepEqual(reader.prefixed(10_000), bytes);
          assert.equal(reader.hash(), hashOf(bytes));
          assert.deepEqual(reader.rest(), bytes);
          assert(reader.complete);
        },
      ),
      seeded,
    );
  });

  it('fail quietly and for good when they end too early', () => {
    const written = new ByteWriter().u8(1).u32(2).u64(3).varint(300).text('text').finish();
    for (let length = 0; length < written.length; length++) {
      const reader = new ByteReader(written.subarray(0, length));
      reader.u8();
      reader.u32();
      reader.u64();
      reader.varint();
      reader.text(100);
      assert(reader.failed && !reader.complete, `cut at ${length}`);
      assert.deepEqual([reader.u8(), reader.u64(), reader.text(9), reader.fixed(1).length], [0, 0, '', 0]);
      assert.equal(reader.hash(), '0'.repeat(64));
    }
  });

  it('have one form for a varint, the shortest, up to the largest safe number', () => {
    const fails = (...bytes: number[]): boolean => {
      const reader = new ByteReader(Uint8Array.from(bytes));
      reader.varint();
      return reader.failed;
    };
    assert(fails(0x80, 0x00) && fails(0xff, 0x80, 0x00));
    assert(fails(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x10));
    assert(fails(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01));
    assert(!fails(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f) && !fails(0));
  });

  it('above the limits of their reader are refused before anything is allotted', () => {
    const huge = new ByteWriter().varint(2 ** 52).finish();
    for (const read of [
      (reader: ByteReader) => reader.prefixed(2 ** 53),
      (reader: ByteReader) => reader.text(10),
      (reader: ByteReader) => reader.fixed(2 ** 40),
    ]) {
      const reader = new ByteReader(huge);
      assert.equal(read(reader).length, 0);
      assert(reader.failed);
    }
    const bigU64 = new ByteReader(new Uint8Array(8).fill(255));
    assert.equal(bigU64.u64(), 0);
    assert(bigU64.failed);
  });

  it('that are not UTF-8 are no text', () => {
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80]]) {
      const reader = new ByteReader(new ByteWriter().prefixed(Uint8Array.from(bytes)).finish());
      assert.equal(reader.text(10), '');
      assert(reader.failed);
    }
    assert.throws(() => new ByteWriter().text('\ud800'));
  });

  it('do not keep their message alive: what is read is a copy', () => {
    const message = new ByteWriter().prefixed(Uint8Array.of(1, 2, 3)).finish();
    const read = new ByteReader(Buffer.from(message.buffer)).prefixed(10);
    message.fill(0);
    assert.deepEqual([...read], [1, 2, 3]);
    assert.equal(read.buffer.byteLength, 3);
  });

  it('name hashes in lower-case hex only', () => {
    const hash = hashOf(Uint8Array.of(1));
    assert.equal(hexOf(bytesOfHash(hash)), hash);
    assert.equal(hashOfText(hash), hash);
    for (const text of [
      '',
      hash.slice(1),
      hash.toUpperCase(),
      `${hash}0`,
      `g${hash.slice(1)}`,
      `${hash}\n`,
    ]) {
      assert.equal(hashOfText(text), undefined);
    }
  });
});
