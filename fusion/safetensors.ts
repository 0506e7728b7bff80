// The safetensors container: a length, a JSON header, then the tensors' bytes without a hole. The reader is strict and
// answers with a value; it takes float32 only, unless it is asked for files from elsewhere. It knows nothing of models.
import { z } from 'zod';
import { assert } from './assert.ts';
import { bytesOfType, type FloatType, isFloatType, readFloats, writeFloats } from './tensor-types.ts';

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** What its values are in the file. Default F32. */
  readonly type?: FloatType;
}

/** A tensor of another type, as it stands in the file: counters, quantised weights. */
export interface OpaqueTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface SafetensorsFile {
  readonly tensors: readonly NamedTensor[];
  /** Tensors that are no floats of up to 32 bits; none unless these were asked for. */
  readonly opaque: readonly OpaqueTensor[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface SafetensorsLimits {
  readonly tensorsMax: number;
  /** Of the whole file. */
  readonly bytesMax: number;
  /** Types other than float32 are read too. Default: such a file is refused. */
  readonly anyType?: boolean;
}

const LENGTH_BYTES = 8;
const ALIGNMENT = 8;
/** Room for the header: metadata, and per tensor a long name with its numbers. */
const HEADER_BYTES_FREE = 65_536;
const HEADER_BYTES_PER_TENSOR = 1_024;
const METADATA = '__metadata__';

const naturals = z.array(z.number().int().nonnegative());
const entrySchema = z.strictObject({
  dtype: z.string(),
  shape: naturals.max(16),
  data_offsets: naturals.length(2),
});
const metadataSchema = z.record(z.string(), z.string());

/** The bytes of a file with these tensors, in this order. Asserts on equal names and on data that miss their shape. */
export function encodeSafetensors(
  tensors: readonly (NamedTensor | OpaqueTensor)[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) header.set(METADATA, metadata);
  let offset = 0;
  for (const tensor of tensors) {
    const { name, shape, type = 'F32' } = tensor;
    const bytes = sizeOf(shape) * (bytesOfType(type) ?? Number.NaN);
    const isWhole = 'data' in tensor ? tensor.data.length === sizeOf(shape) : tensor.bytes.length === bytes;
    assert(name !== METADATA && !header.has(name), 'every tensor has a name of its own');
    assert(isWhole, 'the data have as many values as the shape');
    header.set(name, { dtype: type, shape, data_offsets: [offset, offset + bytes] });
    offset += bytes;
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
  for (const tensor of tensors) {
    const { type = 'F32' } = tensor;
    if ('bytes' in tensor) bytes.set(tensor.bytes, at);
    else writeFloats(view, { at, values: tensor.data, type: tensor.type ?? 'F32' });
    at += sizeOf(tensor.shape) * (bytesOfType(type) ?? 0);
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
 * too large, not UTF-8 or not JSON, two equal keys, a type that is not read or that there is not, tensors that
 * overlap, leave a hole, end outside, or disagree with their shape, and more tensors or bytes than the limits.
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
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataAt), limits);
  if ('error' in header) return header;

  const entries = header.entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end);
  const tensors: NamedTensor[] = [];
  const opaque: OpaqueTensor[] = [];
  let expected = 0;
  for (const { name, shape, type, valueBytes, begin, end } of entries) {
    const said = JSON.stringify(name);
    if (end > bytes.length - dataAt) return { error: `tensor ${said} ends outside of the file` };
    if (begin < expected) return { error: `tensor ${said} overlaps another` };
    if (begin > expected) return { error: `there is a hole before tensor ${said}` };
    const count = sizeOf(shape);
    if (end - begin !== count * valueBytes)
      return { error: `the bytes of tensor ${said} do not fit its shape` };
    if (isFloatType(type)) {
      const data = readFloats(view, { at: dataAt + begin, count, type });
      tensors.push(type === 'F32' ? { name, shape, data } : { name, shape, data, type });
    } else
      opaque.push({ name, shape, type, bytes: new Uint8Array(bytes.subarray(dataAt + begin, dataAt + end)) });
    expected = end;
  }
  if (dataAt + expected !== bytes.length) return { error: 'bytes follow the last tensor' };
  return { tensors, opaque, metadata: header.metadata };
}

interface Entry {
  readonly name: string;
  readonly type: string;
  readonly valueBytes: number;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function parseHeader(
  bytes: Uint8Array,
  { tensorsMax, anyType = false }: SafetensorsLimits,
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
    const { dtype: type, shape } = parsed.data;
    const valueBytes = bytesOfType(type);
    if (type !== 'F32' && !anyType)
      return { error: `tensor ${JSON.stringify(name)}: dtype only float32 (F32) is read` };
    if (valueBytes === undefined)
      return {
        error: `tensor ${JSON.stringify(name)}: there is no type ${JSON.stringify(type.slice(0, 32))}`,
      };
    const [begin, end] = parsed.data.data_offsets;
    if (!Number.isSafeInteger(sizeOf(shape) * valueBytes) || end < begin) {
      return { error: `tensor ${JSON.stringify(name)} has an impossible size` };
    }
    entries.push({ name, shape, type, valueBytes, begin, end });
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
