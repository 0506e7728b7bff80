// The one byte form of a manifest: canonical JSON (RFC 8785, "JCS", 2020). It knows nothing of what a manifest
// means; it only makes sure that equal manifests are equal bytes.
import assert from 'node:assert/strict';
import { bytesOfText, isWholeText } from '../bytes.ts';
import type { Manifest } from './schema.ts';

/** Keys in the order of their UTF-16 units, no white space, numbers as ECMAScript prints them, UTF-8. */
export function canonicalBytes(manifest: Manifest): Uint8Array {
  return bytesOfText(canonicalText(manifest));
}

/** Of plain data only: an absent key and one that holds `undefined` are the same. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'number') assert(Number.isFinite(value), 'JSON has no infinite numbers');
  if (typeof value === 'string') assert(isWholeText(value), 'RFC 8785 has no half surrogate pairs');
  if (value === null || typeof value !== 'object') {
    const text = JSON.stringify(value);
    assert(text !== undefined, 'only plain data has a canonical form');
    return text;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([key, member]) => `${canonicalText(key)}:${canonicalText(member)}`);
  return `{${members.join(',')}}`;
}
