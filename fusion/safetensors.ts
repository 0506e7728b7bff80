// The safetensors container, float32 only: a length, a JSON header, then the tensors' bytes without a hole. The
// reader is strict and answers with a value; it knows nothing of models.
import { z } from 'zod';
import { assert } from './assert.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface SafetensorsFile {
  readonly tensors: readonly NamedTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SafetensorsLimits {
  readonly tensorsMax: number;
  /** Of the whole file. */
  readonly bytesMax: number;
}

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
/** Room for the header: metadata, and per tensor a long name with its numbers. */
const HEADER_BYTES_FREE = 65_536;
const HEADER_BYTES_PER_TENSOR = 1_024;
const METADATA = '__metadata__';

const naturals = z.array(z.number().int().nonnegative());
const entrySchema = z.strictObject({
  dtype: z.literal('F32', { error: 'only float32 (F32) is read' }),
  shape: naturals.max(16),
  data_offsets: naturals.length(2),
});
const metadataSchema = z.record(z.string(), z.string());

/** The bytes of a file with these tensors, in this order. Asserts on equal names and on data that miss their shape. */
export function encodeSafetensors(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA, metadata);
  let offset = 0;
  for (const { name, shape, data } of tensors) {
    assert(name !== METADATA && !header.has(name), 'every tensor has a name of its own');
    assert(data.length === sizeOf(shape), 'the data have as many values as the shape');
    header.set(name, { dtype: 'F32', shape, data_offsets: [offset, offset + data.length * 4] });
    offset += data.length * 4;
  }
  const text = jsonOf(header);
  const padding = (ALIGNMENT - (text.length % ALIGNMENT)) % ALIGNMENT;
  const dataAt = LENGTH_BYTES + text.length + padding;
  const bytes = new Uint8Array(dataAt + offset);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(text.length + padding), true);
  bytes.set(text, LENGTH_BYTES);
  bytes.fill(0x20, LENGTH_BYTES + text.length, dataAt);
  let at = dataAt;
  for (const { data } of tensors) {
    for (let i = 0; i < data.length; i++, at += 4) view.setFloat32(at, data[i], true);
  }
  return bytes;
}

/** By hand, because an object would move names such as "7" to the front and lose "__proto__". */
function jsonOf(header: ReadonlyMap<string, unknown>): Uint8Array {
  const members = [...header].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  return new TextEncoder().encode(`{${members.join(',')}}`);
}

/**
 * The tensors in the order of their bytes, or in one sentence what is wrong with the file: a header that is cut short,
 * too large, not UTF-8 or not JSON, two equal keys, another type than float32, tensors that overlap, leave
 * a hole, end outside, or disagree with their shape, and more tensors or bytes than the limits.
 */
export function decodeSafetensors(
  bytes: Uint8Array,
  limits: SafetensorsLimits,
): SafetensorsFile | { readonly error: string } {
  if (bytes.length > limits.bytesMax) return { error: `the file is larger than ${limits.bytesMax} bytes` };
  if (bytes.length < LENGTH_BYTES) return { error: 'the file is shorter than its header length' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const headerBytes = Number(view.getBigUint64(0, true));
  const headerBytesMax = HEADER_BYTES_FREE + HEADER_BYTES_PER_TENSOR * limits.tensorsMax;
  if (headerBytes > headerBytesMax) return { error: `the header is larger than ${headerBytesMax} bytes` };
  const dataAt = LENGTH_BYTES + headerBytes;
  if (dataAt > bytes.length) return { error: 'the header ends outside of the file' };
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataAt), limits.tensorsMax);
  if ('error' in header) return header;

  const entries = header.entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors: NamedTensor[] = [];
  let expected = 0;
  for (const { name, shape, begin, end } of entries) {
    const said = JSON.stringify(name);
    if (end > bytes.length - dataAt) return { error: `tensor ${said} ends outside of the file` };
    if (begin < expected) return { error: `tensor ${said} overlaps another` };
    if (begin > expected) return { error: `there is a hole before tensor ${said}` };
    if (end - begin !== sizeOf(shape) * 4)
      return { error: `the bytes of tensor ${said} do not fit its shape` };
    tensors.push({ name, shape, data: readFloats(view, dataAt + begin, (end - begin) / 4) });
    expected = end;
  }
  if (dataAt + expected !== bytes.length) return { error: 'bytes follow the last tensor' };
  return { tensors, metadata: header.metadata };
}

interface Entry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(
  bytes: Uint8Array,
  tensorsMax: number,
): { entries: Entry[]; metadata: Record<string, string> } | { error: string } {
  const text = textOf(bytes);
  if (text === undefined) return { error: 'the header is not UTF-8' };
  if (!text.startsWith('{')) return { error: 'the header does not start with a brace' };
  const json = objectOf(text);
  if (json === undefined) return { error: 'the header is not JSON' };
  const entries: Entry[] = [];
  let metadata: Record<string, string> = {};
  // Each key that the parsed header has; the text must not have more.
  let keys = 0;
  for (const [name, value] of Object.entries(json)) {
    if (name === METADATA) {
      const parsed = metadataSchema.safeParse(value);
      if (!parsed.success) return { error: 'the metadata are not texts by name' };
      metadata = parsed.data;
      keys += 1 + Object.keys(Object(value)).length;
      continue;
    }
    if (entries.length === tensorsMax) return { error: `the file has more than ${tensorsMax} tensors` };
    const parsed = entrySchema.safeParse(value);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return { error: `tensor ${JSON.stringify(name)}: ${issue.path.join('.')} ${issue.message}` };
    }
    const [begin, end] = parsed.data.data_offsets;
    if (!Number.isSafeInteger(sizeOf(parsed.data.shape) * 4) || end < begin) {
      return { error: `tensor ${JSON.stringify(name)} has an impossible size` };
    }
    entries.push({ name, shape: parsed.data.shape, begin, end });
    keys += 4;
  }
  if (keysIn(text) !== keys) return { error: 'the header names something twice' };
  return { entries, metadata };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function objectOf(text: string): object | undefined {
  try {
    return Object(JSON.parse(text));
  } catch {
    return undefined;
  }
}

/** Keys in a text that is known to be JSON, doubles included: the parser itself silently keeps the last of two. */
function keysIn(text: string): number {
  let keys = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?/g)) if (match[1] !== undefined) keys++;
  return keys;
}

function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

function readFloats(view: DataView, at: number, count: number): Float32Array {
  const floats = new Float32Array(count);
  for (let i = 0; i < count; i++) floats[i] = view.getFloat32(at + i * 4, true);
  return floats;
}
