// The version in package.json, which lies two folders up from the source and three up from dist/.
import { readFileSync } from 'node:fs';
import { z } from 'zod';

const packageSchema = z.object({ name: z.literal('meldmesh'), version: z.string() });

/** `unknown` where there is no package.json, as in a bundle. */
export function meldmeshVersion(): string {
  for (const up of ['../../package.json', '../../../package.json']) {
    try {
      return packageSchema.parse(JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'))).version;
    } catch {
      // Not there; the next place is tried.
    }
  }
  return 'unknown';
}
