import assert from 'node:assert/strict';
import fc from 'fast-check';
import { decodeSafetensors, encodeSafetensors, type NamedTensor } from '../../fusion/index.ts';
import { toHex } from './hex.ts';

const limits: Parameters<typeof decodeSafetensors>[1] = { tensorsMax: 100, bytesMax: 1_000_000 };

/** A file by hand: any header text before any data. */
function fileOf(header: unknown, dataBytes = 0, headerBytes?: bigint): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, headerBytes ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

function refuses(bytes: Uint8Array, why: RegExp, given = limits): void {
  const result = decodeSafetensors(bytes, given);
  assert('error' in result, 'the file was accepted');
  assert.match(result.error, why);
}

const entry = (begin: number, end: number, shape: unknown = [(end - begin) / 4], dtype: unknown = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

const names = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('7', '__proto__', 'constructor', '"', '\\', 'a:'),
);
const tensors: fc.Arbitrary<NamedTensor[]> = fc.uniqueArray(names, { maxLength: 6 }).chain((unique) =>
  fc.tuple(
    ...unique.map((name) =>
      fc.array(fc.nat(4), { maxLength: 3 }).map((shape) => ({
        name,
        shape,
        data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) =>
          Math.sin(i + shape.length),
        ),
      })),
    ),
  ),
);

describe('safetensors', () => {
  it('gives back names, shapes, order, metadata and every bit', () => {
    const metadata = fc.dictionary(fc.string(), fc.string());
    fc.assert(
      fc.property(tensors, metadata, (written, notes) => {
        const bytes = encodeSafetensors(written, notes);
        const read = decodeSafetensors(bytes, limits);
        assert(!('error' in read), JSON.stringify(read));
        assert.deepEqual(new Map(Object.entries(read.metadata)), new Map(Object.entries(notes)));
        const plain = ({ name, shape, data }: NamedTensor) => ({ name, shape, data: toHex(data) });
        // An empty tensor shares its place with the next one, so only the others have an order.
        const filled = (list: readonly NamedTensor[]) =>
          list.filter(({ data }) => data.length > 0).map(plain);
        const empty = (list: readonly NamedTensor[]) =>
          list.filter(({ data }) => data.length === 0).map((tensor) => JSON.stringify(plain(tensor)));
        assert.deepEqual(filled(read.tensors), filled(written));
        assert.deepEqual(empty(read.tensors).sort(), empty(written).sort());
      }),
      { seed: 13, numRuns: 200 },
    );
  });

  it('is laid out as its specification says', () => {
    const bytes = encodeSafetensors([{ name: 'w', shape: [2], data: Float32Array.of(1, -2) }], { by: 'us' });
    const header = '{"__metadata__":{"by":"us"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}';
    const padded = header.padEnd(Math.ceil(header.length / 8) * 8);
    const expected = fileOf(padded, 8);
    expected.set([0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0], 8 + padded.length);
    assert.equal(toHex(bytes), toHex(expected));
  });

  it('takes a scalar, an empty tensor, spaces after the header and tensors in any order of names', () => {
    const header = { b: entry(4, 12), a: entry(0, 4, []), none: entry(12, 12, [0, 3]) };
    const read = decodeSafetensors(fileOf(`${JSON.stringify(header)}   `, 12), limits);
    assert(!('error' in read));
    assert.deepEqual(
      read.tensors.map(({ name, data }) => [name, data.length]),
      [
        ['a', 1],
        ['b', 2],
        ['none', 0],
      ],
    );
  });

  it('reads files from elsewhere where it is asked to, and writes every type back as it was', () => {
    const written = [
      { name: 'half', shape: [3], data: Float32Array.of(1, -0.5, 65_504), type: 'F16' as const },
      { name: 'brain', shape: [2], data: Float32Array.of(-1, 2 ** 127), type: 'BF16' as const },
      { name: 'full', shape: [1], data: Float32Array.of(1 / 3) },
      { name: 'counter', shape: [], type: 'I64', bytes: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8) },
      { name: 'mask', shape: [2, 2], type: 'BOOL', bytes: Uint8Array.of(1, 0, 0, 1) },
    ];
    const bytes = encodeSafetensors(written, { by: 'them' });
    const read = decodeSafetensors(bytes, { ...limits, anyType: true });
    assert(!('error' in read), JSON.stringify(read));
    assert.deepEqual([...read.tensors, ...read.opaque], written);
    assert.deepEqual(encodeSafetensors([...read.tensors, ...read.opaque], read.metadata), bytes);
    refuses(bytes, /"half".*only float32/);
    const odd = fileOf({ w: entry(0, 4, [1], 'F12') }, 4);
    refuses(odd, /there is no type "F12"/, { ...limits, anyType: true });
    const torn = fileOf({ w: entry(0, 4, [1], 'F16') }, 4);
    refuses(torn, /do not fit its shape/, { ...limits, anyType: true });
  });

  it('refuses tensors that overlap, leave a hole, end outside or miss their shape', () => {
    refuses(fileOf({ a: entry(0, 8), b: entry(4, 12) }, 12), /overlaps/);
    refuses(fileOf({ a: entry(0, 8), b: entry(0, 8) }, 8), /overlaps/);
    refuses(fileOf({ a: entry(0, 4), b: entry(8, 12) }, 12), /hole/);
    refuses(fileOf({ a: entry(4, 8) }, 8), /hole/);
    refuses(fileOf({ a: entry(0, 8) }, 4), /outside/);
    refuses(fileOf({ a: entry(0, 4) }, 8), /follow/);
    refuses(fileOf({}, 1), /follow/);
    refuses(fileOf({ a: entry(0, 8, [3]) }, 8), /fit its shape/);
    refuses(fileOf({ a: entry(0, 7, [1]) }, 7), /fit its shape/);
    refuses(fileOf({ a: entry(8, 4, [1]) }, 8), /impossible size/);
    refuses(fileOf({ a: entry(0, 4, [2 ** 40, 2 ** 40]) }, 4), /impossible size/);
  });

  it('refuses other types, odd shapes and keys that it does not know', () => {
    refuses(fileOf({ a: entry(0, 4, [1], 'F16') }, 4), /only float32/);
    for (const shape of [[1.5], [-1], ['1'], [null], 4, null, Array(17).fill(1)]) {
      refuses(fileOf({ a: entry(0, 4, shape) }, 4), /shape/);
    }
    refuses(fileOf({ a: { ...entry(0, 4), data_offsets: [0, 2, 4] } }, 4), /data_offsets/);
    refuses(fileOf({ a: { ...entry(0, 4), note: 1 } }, 4), /note/);
    refuses(fileOf({ a: [1] }, 4), /tensor "a"/);
    refuses(fileOf({ __metadata__: { a: 1 } }), /metadata/);
    refuses(fileOf({ __metadata__: null }), /metadata/);
  });

  it('refuses two equal keys, at every depth and however they are spelled', () => {
    const one = JSON.stringify(entry(0, 4));
    refuses(fileOf(`{"a":${one},"a":${one}}`, 4), /twice/);
    refuses(fileOf(`{"a":${one},"\\u0061":${one}}`, 4), /twice/);
    refuses(fileOf(`{"a" : {"dtype":"F32","dtype" : "F32","shape":[1],"data_offsets":[0,4]}}`, 4), /twice/);
    refuses(fileOf(`{"__metadata__":{"k":"1","k":"2"}}`), /twice/);
    refuses(fileOf(`{"__metadata__":{},"__metadata__":{}}`), /twice/);
    const fine = decodeSafetensors(
      fileOf(`{"__metadata__":{"k":"\\"k\\":","l":"k"},"\\"a\\":":${one}}`, 4),
      limits,
    );
    assert(!('error' in fine), JSON.stringify(fine));
  });

  it('refuses headers that are cut short, too large, not UTF-8 or not JSON objects', () => {
    refuses(new Uint8Array(7), /shorter/);
    refuses(fileOf('{}', 0, 3n), /outside/);
    refuses(fileOf('{}', 0, 2n ** 63n), /larger/);
    refuses(fileOf('{}', 0, 2n ** 64n - 1n), /larger/);
    refuses(fileOf(' {}'), /brace/);
    refuses(fileOf('[]'), /brace/);
    refuses(fileOf('{"a":'), /JSON/);
    refuses(fileOf(`{"a":${'['.repeat(50_000)}`), /JSON/);
    refuses(fileOf(`{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`), /tensor "a"/);
    const invalid = fileOf('{"aa":1}');
    invalid.set([0xc3, 0x28], 10);
    refuses(invalid, /UTF-8/);
    refuses(fileOf('\uFEFF{}'), /brace/);
  });

  it('refuses more bytes or tensors than the limits', () => {
    const bytes = encodeSafetensors([
      { name: 'a', shape: [1], data: Float32Array.of(1) },
      { name: 'b', shape: [1], data: Float32Array.of(2) },
    ]);
    refuses(bytes, /more than 1 tensors/, { ...limits, tensorsMax: 1 });
    refuses(bytes, /larger than/, { ...limits, bytesMax: bytes.length - 1 });
    assert(!('error' in decodeSafetensors(bytes, { tensorsMax: 2, bytesMax: bytes.length })));
  });

  it('never throws on bytes that were changed or made up', () => {
    const bytes = encodeSafetensors([{ name: 'w', shape: [2, 3], data: new Float32Array(6) }], { a: 'b' });
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 4 }),
        fc.nat(200),
        (edits, cut) => {
          const changed = bytes.slice(0, cut > bytes.length ? undefined : cut);
          for (const [place, value] of edits) if (place < changed.length) changed[place] = value;
          decodeSafetensors(changed, limits);
        },
      ),
      { seed: 14, numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.json(), (text) => {
        decodeSafetensors(fileOf(text, 4), limits);
        decodeSafetensors(fileOf(`{"a":${text}}`, 4), limits);
      }),
      { seed: 15, numRuns: 300 },
    );
  });

  it('asserts on names and data that cannot be written', () => {
    const tensor = { name: 'a', shape: [1], data: Float32Array.of(1) };
    assert.throws(() => encodeSafetensors([tensor, tensor]), /name of its own/);
    assert.throws(() => encodeSafetensors([{ ...tensor, name: '__metadata__' }]), /name of its own/);
    assert.throws(() => encodeSafetensors([{ ...tensor, shape: [2] }]), /shape/);
  });
});
