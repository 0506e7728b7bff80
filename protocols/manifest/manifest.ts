// A manifest as bytes from a stranger, and the names derived from it. It does not know where the bytes came
// from: whoever fetched them by mesh id compares `meshIdOf` with what was asked for.
import type { z } from 'zod';
import { bytesEqual, textOfBytes } from '../bytes.ts';
import type { Hash, Signer } from '../ports.ts';
import { canonicalBytes } from './canonical.ts';
import { MANIFEST_BYTES_MAX } from './defaults.ts';
import { crossChecks } from './rules.ts';
import { type Manifest, manifestSchema } from './schema.ts';

export type ManifestDecoded =
  | { readonly manifest: Manifest; readonly error?: undefined }
  | { readonly manifest?: undefined; readonly error: string };

/** The mesh id: plain SHA-256 of the canonical bytes. */
export function meshIdOf(manifest: Manifest, hash: Signer['hash']): Hash {
  return hash(canonicalBytes(manifest));
}

/** The text from which every member draws the same initial weights. */
export function initialSeedOf(meshId: Hash): string {
  return `meldmesh initial weights ${meshId}`;
}

/**
 * Takes only the canonical form of a valid manifest of at most 64 KiB, so that one manifest has one mesh id.
 * Never throws.
 */
export function decodeManifest(bytes: Uint8Array): ManifestDecoded {
  if (bytes.length > MANIFEST_BYTES_MAX) return { error: `larger than ${MANIFEST_BYTES_MAX} bytes` };
  const text = textOfBytes(bytes);
  if (text === undefined) return { error: 'not UTF-8' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { error: 'not JSON' };
  }
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) return { error: parsed.error.issues.map(sentenceOf).join('; ') };
  const problems = crossChecks(parsed.data);
  if (problems.length > 0) return { error: problems.join('; ') };
  if (!bytesEqual(canonicalBytes(parsed.data), bytes)) return { error: 'not in canonical form (RFC 8785)' };
  return { manifest: parsed.data };
}

/** One fault of the schema, with the path of its key. */
export function sentenceOf(issue: z.core.$ZodIssue): string {
  const path = issue.path.map((key) => String(key)).join('.');
  return path === '' ? issue.message : `${path}: ${issue.message}`;
}
