// The version in package.json, which lies one folder up from the source and two up from dist/.
import { readFileSync } from 'node:fs';

/** `unknown` where there is no package.json, as in a bundle. */
export function packageVersion(): string {
  for (const up of ['../package.json', '../../package.json']) {
    try {
      const parsed: unknown = JSON.parse(readFileSync(new URL(up, import.meta.url), 'utf8'));
      if (typeof parsed === 'object' && parsed !== null && 'version' in parsed) return String(parsed.version);
    } catch {
      // Not there; the next place is tried.
    }
  }
  return 'unknown';
}
