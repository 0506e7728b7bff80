// Programs that are run: bounded in time, ended as a whole with everything they started.
import { spawn } from 'node:child_process';

const running = new Set();
const isWindows = process.platform === 'win32';
const LOOK_MS = 1000;

/** Ends every program that still runs, and what it has started. */
export function endChildren() {
  for (const child of running) end(child);
}

function end(child) {
  try {
    if (isWindows) child.kill();
    else process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/**
 * Runs a program to its end. Resolves to `code` (undefined where it could not be started or was ended), `text` (its
 * standard output), `output` (that and its complaints) and `ranOut` (why it was ended: '' when it was not).
 * `look`, called each second with the seconds so far, answers how many bytes have arrived; `stallMs` ends a program
 * for which neither that number nor the output changes, `limitMs` ends it in any case.
 */
export function runProgram(program, words, options) {
  const { cwd, env, limitMs, stallMs = limitMs, look = () => 0 } = options;
  const child = spawn(program, words, {
    ...{ cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'], detached: !isWindows },
    shell: isWindows && program.endsWith('.cmd'),
  });
  running.add(child);
  const result = { code: undefined, text: '', output: '', ranOut: '' };
  const startMs = performance.now();
  let changedMs = startMs;
  let seen = 0;
  const watch = setInterval(() => {
    const nowMs = performance.now();
    const bytes = look(Math.round((nowMs - startMs) / 1000));
    if (bytes !== seen) changedMs = nowMs;
    seen = bytes;
    if (nowMs - startMs > limitMs) result.ranOut = `it took more than ${Math.round(limitMs / 1000)} s`;
    else if (nowMs - changedMs > stallMs) result.ranOut = `nothing came for ${Math.round(stallMs / 1000)} s`;
    if (result.ranOut !== '') end(child);
  }, LOOK_MS);
  for (const [stream, isText] of [
    [child.stdout, true],
    [child.stderr, false],
  ]) {
    stream.setEncoding('utf8').on('data', (piece) => {
      changedMs = performance.now();
      result.output += piece;
      if (isText) result.text += piece;
    });
  }
  return new Promise((resolve) => {
    const finish = (code) => {
      clearInterval(watch);
      running.delete(child);
      resolve({ ...result, code: result.ranOut === '' ? code : undefined });
    };
    child.on('error', (error) => {
      result.output += error.message;
      finish(undefined);
    });
    child.on('close', (code) => finish(code ?? undefined));
  });
}

/** True where a program can be started and answers. */
export async function answers(program, words) {
  return (await runProgram(program, words, { limitMs: 20_000 })).code === 0;
}
