// Whether the same training gives the same weights to the last bit in many processes at once.
import { spawnSync } from 'node:child_process';

export interface Determinism {
  readonly name: string;
  readonly processes: number;
  /** Distinct SHA-256 of the weights after the steps. */
  readonly digests: readonly string[];
}

export const PROCESSES = 10;
/** Of 100 steps each: 3,200 samples at batch 32. */
const EPOCHS = 2;
export const STEPS = 200;

/** Not pinned: they may run on whatever processor, at whatever time. */
export function determinismOf(options: {
  readonly contender: string;
  readonly flags: readonly string[];
  readonly backends: readonly string[];
}): readonly Determinism[] {
  return options.backends.map((name) => {
    const digests = Array.from({ length: PROCESSES }, () => {
      const words = [...options.flags, options.contender, name, 'small', String(EPOCHS)];
      const { stdout } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      const { digest }: { digest: string } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '');
      return digest;
    });
    return { name, processes: PROCESSES, digests: [...new Set(digests)] };
  });
}
