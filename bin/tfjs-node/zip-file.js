// Reads some files out of a zip archive of up to 4 GB, as a stream: one library alone has half a gigabyte.
import assert from 'node:assert/strict';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createInflateRaw } from 'node:zlib';

// APPNOTE.TXT of the zip format: 4.3.16 end of the directory, 4.3.12 its entries, 4.3.7 the header before each file.
const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const COMMENT_BYTES_MAX = 65_535;
const ENTRY_SIGNATURE = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL_BYTES = 30;
const DEFLATED = 8;
/** Instead of 16 KiB: a fiftieth of the steps for half a gigabyte. */
const PIECE_BYTES = 2 ** 20;

/** Writes each file to where `placeOf(name)` says, below `folder`; `undefined` leaves it out. Answers the bytes written. */
export async function extractFiles(archive, folder, placeOf) {
  const file = await open(archive);
  let bytes = 0;
  try {
    for (const entry of await readDirectory(file)) {
      const path = placeOf(entry.name);
      if (path === undefined) continue;
      const target = join(folder, path);
      await mkdir(dirname(target), { recursive: true });
      const written = await extractFile(archive, await contentStart(file, entry), { entry, target });
      assert(written === entry.size, `${entry.name} has ${written} bytes, not ${entry.size}`);
      bytes += written;
    }
  } finally {
    await file.close();
  }
  return bytes;
}

async function readDirectory(file) {
  const { size } = await file.stat();
  const tailStart = Math.max(0, size - END_BYTES - COMMENT_BYTES_MAX);
  const tail = await readBytes(file, tailStart, size);
  let end = tail.length - END_BYTES;
  while (end >= 0 && tail.readUInt32LE(end) !== END_SIGNATURE) end--;
  assert(end >= 0, 'it is not a zip archive');
  const directory = await readBytes(file, tail.readUInt32LE(end + 16), tailStart + end);
  const entries = [];
  for (let at = 0; at + ENTRY_BYTES <= directory.length; ) {
    assert(directory.readUInt32LE(at) === ENTRY_SIGNATURE, 'its directory is damaged');
    const nameBytes = directory.readUInt16LE(at + 28);
    entries.push({
      name: directory.toString('utf8', at + ENTRY_BYTES, at + ENTRY_BYTES + nameBytes),
      isDeflated: directory.readUInt16LE(at + 10) === DEFLATED,
      packedSize: directory.readUInt32LE(at + 20),
      size: directory.readUInt32LE(at + 24),
      offset: directory.readUInt32LE(at + 42),
    });
    at += ENTRY_BYTES + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** Where a file's bytes begin: its own header repeats the name and may have extra fields of another length. */
async function contentStart(file, { offset }) {
  const header = await readBytes(file, offset, offset + LOCAL_BYTES);
  return offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
}

async function extractFile(archive, start, { entry, target }) {
  const output = createWriteStream(target);
  if (entry.packedSize === 0) await pipeline([], output);
  else {
    const packed = createReadStream(archive, {
      ...{ start, end: start + entry.packedSize - 1, highWaterMark: PIECE_BYTES },
    });
    if (entry.isDeflated) await pipeline(packed, createInflateRaw({ chunkSize: PIECE_BYTES }), output);
    else await pipeline(packed, output);
  }
  return output.bytesWritten;
}

async function readBytes(file, start, end) {
  const buffer = Buffer.alloc(end - start);
  await file.read(buffer, 0, buffer.length, start);
  return buffer;
}
