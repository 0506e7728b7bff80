// The files in a ZIP archive, stored or deflated, as NumPy writes them. No encryption, no archives in parts.
import { inflateRawSync } from 'node:zlib';
import { DataError } from './errors.ts';

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const COMMENT_BYTES_MAX = 65_535;
const ZIP64_EXTRA = 1;
const UINT32_MAX = 0xffffffff;
/** More files than this are no data set. */
const ENTRIES_MAX = 1_000;
/** Deflate cannot expand more than this; a header that says so lies. */
const DEFLATE_RATIO_MAX = 1_032;

export interface ZipEntry {
  readonly name: string;
  readonly bytes: number;
  /** Unpacks this entry: at most `bytes` and at most `bytesMax`, else a DataError. */
  read(bytesMax: number): Uint8Array;
}

/** The archive's directory. Throws a DataError when it is none or lies about its sizes. */
export function readZip(archive: Uint8Array, file: string): ZipEntry[] {
  const view = new DataView(archive.buffer, archive.byteOffset, archive.byteLength);
  const end = findEnd(view);
  if (end === undefined) throw broken(file, 'this is no ZIP archive, or its end is missing');
  const count = view.getUint16(end + 10, true);
  if (count > ENTRIES_MAX)
    throw broken(file, `the archive has ${count} files, at most ${ENTRIES_MAX} are read`);
  let at = view.getUint32(end + 16, true);
  const entries: ZipEntry[] = [];
  for (let i = 0; i < count; i++) {
    if (at + ENTRY_BYTES > archive.length || view.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw broken(file, `the archive's directory is cut short at file ${i + 1} of ${count}`);
    }
    const nameBytes = view.getUint16(at + 28, true);
    const extraBytes = view.getUint16(at + 30, true);
    const next = at + ENTRY_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true);
    if (next > archive.length) throw broken(file, `the archive's directory is cut short at file ${i + 1}`);
    const name = new TextDecoder().decode(archive.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes));
    const extra = { at: at + ENTRY_BYTES + nameBytes, bytes: extraBytes };
    entries.push(entryOf({ archive, view, file }, { name, ...sizesOf(view, at, extra) }));
    at = next;
  }
  return entries;
}

interface Sizes {
  readonly method: number;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly localAt: number;
}

/** Sizes of a directory entry; a 64-bit extra field replaces those that are all ones, in fixed order. */
function sizesOf(view: DataView, at: number, extra: { readonly at: number; readonly bytes: number }): Sizes {
  const fields = [
    view.getUint32(at + 24, true),
    view.getUint32(at + 20, true),
    view.getUint32(at + 42, true),
  ];
  for (let place = extra.at; place + 4 <= extra.at + extra.bytes; ) {
    const length = view.getUint16(place + 2, true);
    if (view.getUint16(place, true) === ZIP64_EXTRA) {
      let from = place + 4;
      for (let i = 0; i < fields.length && from + 8 <= place + 4 + length; i++) {
        if (fields[i] !== UINT32_MAX || from + 8 > view.byteLength) continue;
        fields[i] = Number(view.getBigUint64(from, true));
        from += 8;
      }
    }
    place += 4 + length;
  }
  const [bytes, packedBytes, localAt] = fields;
  return { method: view.getUint16(at + 10, true), packedBytes, bytes, localAt };
}

function entryOf(
  source: { readonly archive: Uint8Array; readonly view: DataView; readonly file: string },
  entry: Sizes & { readonly name: string },
): ZipEntry {
  const { archive, view, file } = source;
  const { name, bytes, packedBytes, localAt, method } = entry;
  const read = (bytesMax: number) => {
    if (localAt + LOCAL_BYTES > archive.length || view.getUint32(localAt, true) !== LOCAL_SIGNATURE) {
      throw broken(file, `${name} is not where the directory says`);
    }
    const start =
      localAt + LOCAL_BYTES + view.getUint16(localAt + 26, true) + view.getUint16(localAt + 28, true);
    if (start + packedBytes > archive.length) throw broken(file, `${name} is cut short`);
    if (bytes > bytesMax) {
      const text = `${name} unpacks to ${bytes} bytes, at most ${bytesMax} are read`;
      throw new DataError('MELDMESH_DATA_TOO_LARGE', text, { file });
    }
    const packed = archive.subarray(start, start + packedBytes);
    if (method === 0 && packedBytes === bytes) return packed;
    if (method === 8 && bytes <= packedBytes * DEFLATE_RATIO_MAX)
      return inflate(packed, { name, bytes, file });
    throw broken(
      file,
      `${name} is packed by method ${method} from ${packedBytes} to ${bytes} bytes; use np.savez`,
    );
  };
  return { name, bytes, read };
}

function inflate(packed: Uint8Array, entry: { name: string; bytes: number; file: string }): Uint8Array {
  const { name, bytes, file } = entry;
  let unpacked: Uint8Array;
  try {
    unpacked = inflateRawSync(packed, { maxOutputLength: Math.max(1, bytes) });
  } catch (cause) {
    throw new DataError('MELDMESH_DATA_FORMAT', `${name} does not unpack to ${bytes} bytes`, { file, cause });
  }
  if (unpacked.length !== bytes)
    throw broken(file, `${name} unpacks to ${unpacked.length} bytes, not ${bytes}`);
  return unpacked;
}

function findEnd(view: DataView): number | undefined {
  const lowest = Math.max(0, view.byteLength - END_BYTES - COMMENT_BYTES_MAX);
  for (let at = view.byteLength - END_BYTES; at >= lowest; at--) {
    if (view.getUint32(at, true) === END_SIGNATURE) return at;
  }
  return undefined;
}

function broken(file: string, text: string): DataError {
  return new DataError('MELDMESH_DATA_FORMAT', text, { file });
}
