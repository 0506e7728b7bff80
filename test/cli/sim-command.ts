// Runs `meldmesh sim` as a process, on worlds so small that it takes a second.
import { type ChildProcess, execFile } from 'node:child_process';
import { cliEntry } from '../../cli/mesh/spawn.ts';

export interface Ended {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Four peers with bowls for learners. */
export const TINY = ['--data', 'bowl', '--peers', '4', '--generations', '4'];

/** A scenario as it is. */
export const NO_FLAGS = {
  peers: undefined,
  generations: undefined,
  seed: undefined,
  codec: undefined,
  model: undefined,
  data: undefined,
  partition: undefined,
  samples: undefined,
};

export interface RunOptions {
  readonly input?: string;
  /** Folder in which it runs. */
  readonly cwd?: string;
  /** At the first that it says on standard output. */
  readonly onOutput?: (child: ChildProcess) => void;
}

export function sim(parameters: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return runProgram([cliEntry(), 'sim', ...parameters], options);
}

/** A TypeScript file and its arguments. */
export function runProgram(words: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const flags = ['--disable-warning=ExperimentalWarning', ...words];
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      flags,
      { maxBuffer: 2 ** 26, cwd: options.cwd, env: { ...process.env, FORCE_COLOR: '0' } },
      (error, stdout, stderr) => {
        const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
        resolve({ status, stdout, stderr });
      },
    );
    const { input = '', onOutput } = options;
    if (onOutput !== undefined) child.stdout?.once('data', () => onOutput(child));
    child.stdin?.end(input);
  });
}

/** The object in the last line. */
export function lastLine(text: string): string {
  return text.trimEnd().split('\n').at(-1) ?? '';
}
