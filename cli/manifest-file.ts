// A manifest from a file: the canonical bytes that `init` writes, or YAML or JSON as a person writes it.
import { parse } from 'yaml';
import { decodeManifest, type Manifest, parseManifestConfig } from '../protocols/index.ts';
import { CliError } from './errors.ts';
import { readTextFile } from './stores.ts';

/**
 * Reads a manifest. A file in canonical form is taken as it is; in any other, what is left out is filled in.
 * @throws CliError MELDMESH_MANIFEST_FILE when it cannot be read, MELDMESH_MANIFEST_INVALID when it is wrong
 */
export function readManifestFile(path: string): Manifest {
  const text = readTextFile(path, 'MELDMESH_MANIFEST_FILE');
  const decoded = decodeManifest(new TextEncoder().encode(text));
  return decoded.manifest ?? manifestFromConfig(parseConfig(text, path), path);
}

/**
 * YAML or JSON (which is YAML) to plain data.
 * @throws CliError MELDMESH_MANIFEST_FILE
 */
export function parseConfig(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new CliError('MELDMESH_MANIFEST_FILE', `${path} is neither YAML nor JSON: ${reason}`, {
      cause,
      hint: 'Correct the file; the README has an example',
    });
  }
}

/**
 * A whole manifest from a config.
 * @throws CliError MELDMESH_MANIFEST_INVALID with every problem and the nearest known names
 */
export function manifestFromConfig(config: unknown, path: string | undefined): Manifest {
  const parsed = parseManifestConfig(config);
  if (parsed.manifest !== undefined) return parsed.manifest;
  const where = path === undefined ? '' : `${path}: `;
  throw new CliError('MELDMESH_MANIFEST_INVALID', `${where}${parsed.problems.join('; ')}`, {
    hint: 'Correct these and try again',
  });
}
