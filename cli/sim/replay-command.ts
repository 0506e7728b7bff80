// The command that repeats a run, as one would type it.
import type { SimOptions } from './options.ts';

const REPEATED = ['peers', 'generations', 'codec', 'model', 'data', 'partition', 'samples'] as const;

/** `meldmesh sim churn --seed 7 --peers 20`. */
export function replayCommand(
  source: string,
  options: Pick<SimOptions, (typeof REPEATED)[number]>,
  seed: string,
): string {
  const flags = REPEATED.flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [`--${name}`, word(String(value))];
  });
  return ['meldmesh sim', word(source), '--seed', word(seed), ...flags].join(' ');
}

function word(text: string): string {
  return /^[\w./:,@%+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
