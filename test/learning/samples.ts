// Small data sets and files made by hand for the tests of this folder.
import { deflateRawSync } from 'node:zlib';
import { createRandom } from '../../fusion/index.ts';
import type { Dataset } from '../../learning/index.ts';

/** Points around one centre for each class: easy to learn, different for each seed. */
export function blobs(options: { count: number; inputSize: number; classes: number; seed: string }): Dataset {
  const { count, inputSize, classes, seed } = options;
  const random = createRandom(seed);
  const centres = Float32Array.from({ length: classes * inputSize }, () => random.float());
  const labels = Uint8Array.from({ length: count }, () => random.below(classes));
  const inputs = Uint8Array.from({ length: count * inputSize }, (_, i) => {
    const centre = centres[labels[Math.floor(i / inputSize)] * inputSize + (i % inputSize)];
    return Math.min(255, Math.round(160 * centre + 90 * random.float()));
  });
  return { name: 'blobs', inputs, labels, count, inputSize, classes, scale: 255 };
}

export function idxFile(type: number, shape: readonly number[], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  bytes.set([0, 0, type, shape.length]);
  const view = new DataView(bytes.buffer);
  for (const [axis, length] of shape.entries()) view.setUint32(4 + 4 * axis, length);
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

export function npyFile(type: string, shape: readonly number[], body: Uint8Array): Uint8Array {
  const shapeText = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const header = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shapeText}, }`;
  const padded = `${header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11)}\n`;
  const bytes = new Uint8Array(10 + padded.length + body.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, padded.length & 255, padded.length >> 8]);
  bytes.set(new TextEncoder().encode(padded), 10);
  bytes.set(body, 10 + padded.length);
  return bytes;
}

/** A ZIP archive; `lie` changes the unpacked size that the directory declares. */
export function zipFile(
  files: Readonly<Record<string, Uint8Array>>,
  options: { readonly deflate: boolean; readonly lie?: number } = { deflate: true },
): Uint8Array {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of Object.entries(files)) {
    const packed = options.deflate ? deflateRawSync(content) : Buffer.from(content);
    const nameBytes = Buffer.from(name);
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE(nameBytes.length, 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50, 0);
    entry.writeUInt16LE(options.deflate ? 8 : 0, 10);
    entry.writeUInt32LE(packed.length, 20);
    entry.writeUInt32LE(options.lie ?? content.length, 24);
    entry.writeUInt16LE(nameBytes.length, 28);
    entry.writeUInt32LE(offset, 42);
    locals.push(local, nameBytes, packed);
    directory.push(entry, nameBytes);
    offset += 30 + nameBytes.length + packed.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Object.keys(files).length, 10);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, ...directory, end]);
}

export function floatBytes(values: readonly number[]): Uint8Array {
  return new Uint8Array(Float32Array.from(values).buffer);
}
