// A member's samples as a safetensors file for its trainer: `labels` [n] as I32, `inputs` [n, inputs] as U8 or F32 with
// the raw values of the data. The model's own files, which are all F32, are the business of fusion/.
import { endianness } from 'node:os';
import type { Dataset } from '../../learning/index.ts';

const ALIGNMENT = 8;

interface Part {
  readonly name: string;
  readonly dtype: 'U8' | 'F32' | 'I32';
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * The file in pieces, to be written one after the other. The large ones are views of the data itself. The labels come
 * first, so that every tensor lies at a multiple of its item's size.
 */
export function sampleFilePieces(data: Dataset): readonly Uint8Array[] {
  const { inputs, count, inputSize } = data;
  const parts: readonly Part[] = [
    { name: 'labels', dtype: 'I32', shape: [count], bytes: littleEndian(Int32Array.from(data.labels)) },
    {
      name: 'inputs',
      dtype: inputs instanceof Uint8Array ? 'U8' : 'F32',
      shape: [count, inputSize],
      bytes: inputs instanceof Uint8Array ? inputs : littleEndian(inputs),
    },
  ];
  const header: Record<string, unknown> = {};
  let offset = 0;
  for (const { name, dtype, shape, bytes } of parts) {
    header[name] = { dtype, shape, data_offsets: [offset, offset + bytes.length] };
    offset += bytes.length;
  }
  const text = JSON.stringify(header);
  const head = Buffer.alloc(8 + Math.ceil(text.length / ALIGNMENT) * ALIGNMENT, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8), 0);
  head.write(text, 8, 'latin1');
  return [head, ...parts.map(({ bytes }) => bytes)];
}

function littleEndian(values: Int32Array | Float32Array): Uint8Array {
  const bytes = Buffer.from(values.buffer, values.byteOffset, values.byteLength);
  return endianness() === 'LE' ? bytes : Buffer.from(bytes).swap32();
}
