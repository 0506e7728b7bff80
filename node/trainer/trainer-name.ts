// How a trainer is called where otherwise the name of a backend stands.
import { printable } from './log-limit.ts';

const CHARACTERS_MAX = 40;
const TAKEN = new Set(['none', 'node', 'wasm', 'cpu']);

/** The name that a trainer gives itself, or `trainer` where it gives none or one of a backend's. */
export function trainerName(given: string | undefined): string {
  const name = printable(given ?? '').slice(0, CHARACTERS_MAX);
  return name === '' || TAKEN.has(name) ? 'trainer' : name;
}
